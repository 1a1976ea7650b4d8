/** A payment service as a fake for tests: it does what it is told, as often as it is told. */
export class Payments {
  readonly charges: { orderId: string; cents: number; key: string | undefined }[] = [];

  /** Charges a customer; with a key only once for that key, as payment services do. */
  async charge(orderId: string, cents: number, key?: string): Promise<{ charged: number }> {
    const isKnown = key !== undefined && this.charges.some((charge) => charge.key === key);
    if (!isKnown) this.charges.push({ orderId, cents, key });
    return { charged: cents };
  }

  total(orderId: string): number {
    return this.charges.filter((charge) => charge.orderId === orderId).reduce((sum, { cents }) => sum + cents, 0);
  }
}

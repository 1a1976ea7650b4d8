import { DurableObject } from "cloudflare:workers";
import { keyObject, type KeyObject, type KeyObjectApi } from "./key-object.ts";
import type { AdmitRequest, BulkRequest, CollectorObjectApi, KnownLine } from "./objects.ts";
import { workerdHost } from "./workerd-host.ts";
import type { RateLimitPolicy } from "../protocol/flow-control.ts";

/** One flow-control key: leases and their line, or what is counted or collected; its name says which. */
export class ConcurrencyDO extends DurableObject implements KeyObjectApi {
  readonly #key: KeyObject;

  constructor(ctx: DurableObjectState, env: Cloudflare.Env) {
    super(ctx, env);
    this.#key = keyObject(workerdHost(ctx));
  }

  async admit(request: AdmitRequest) {
    return this.#as("admit").admit(request);
  }

  async reserve(requests: AdmitRequest[]) {
    return this.#as("reserve").reserve(requests);
  }

  async release(leaseId: string) {
    return this.#as("release").release(leaseId);
  }

  async line() {
    return this.#as("line").line();
  }

  async place(leaseId: string) {
    return this.#as("place").place(leaseId);
  }

  async open(until: number) {
    return this.#as("open").open(until);
  }

  async take(policy: RateLimitPolicy, internalIds: string[]) {
    return this.#as("take").take(policy, internalIds);
  }

  async collect(request: Parameters<CollectorObjectApi["collect"]>[0]) {
    return this.#as("collect").collect(request);
  }

  async decided(internalId: string) {
    return this.#as("decided").decided(internalId);
  }

  async whereabouts(internalId: string) {
    return this.#as("whereabouts").whereabouts(internalId);
  }

  async opened(line: KnownLine) {
    return this.#as("opened").opened(line);
  }

  async closed(object: string) {
    return this.#as("closed").closed(object);
  }

  async list() {
    return this.#as("list").list();
  }

  async begin(request: BulkRequest) {
    return this.#as("begin").begin(request);
  }

  async view() {
    return this.#as("view").view();
  }

  async stop() {
    return this.#as("stop").stop();
  }

  override async alarm() {
    await this.#key.alarm();
  }

  /** @throws Error when the rule of this key has no such method */
  #as<Method extends keyof KeyObjectApi>(method: Method): Pick<KeyObjectApi, Method> {
    if (!(method in this.#key)) throw new Error(`the key "${this.ctx.id.name}" has no \`${method}\``);
    return this.#key as unknown as Pick<KeyObjectApi, Method>; // told by the check above
  }
}

/** A platform with a Worker of functions that tell a ledger what they do; for tests that kill it again and again. */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { startLedger, type Ledger } from "./ledger.ts";
import { freePort, spawnPlatform, type PlatformProcess } from "./platform-process.ts";
import { makeStateDir } from "./state-dir.ts";

export class LedgerStage {
  readonly ledger: Ledger;
  readonly stateDir: string;
  readonly #worker: string;
  #platform: PlatformProcess;

  private constructor(ledger: Ledger, stateDir: string, worker: string, platform: PlatformProcess) {
    this.ledger = ledger;
    this.stateDir = stateDir;
    this.#worker = worker;
    this.#platform = platform;
  }

  /** @param fixture file name of a Worker in test/fixtures */
  static async open(name: string, fixture: string): Promise<LedgerStage> {
    const stateDir = makeStateDir(name);
    const worker = join(import.meta.dirname, "../fixtures", fixture);
    const ledger = await startLedger();
    return new LedgerStage(ledger, stateDir, worker, await spawnPlatform({ stateDir, worker, port: await freePort() }));
  }

  get url(): string {
    return this.#platform.url;
  }

  kill(): Promise<void> {
    return this.#platform.killGroup();
  }

  /** SIGKILL, and another process on the same state and port. */
  async killAndRestart(): Promise<void> {
    const { port } = this.#platform;
    await this.kill();
    this.#platform = await spawnPlatform({ stateDir: this.stateDir, worker: this.#worker, port });
  }

  async close(): Promise<void> {
    await this.kill();
    await this.ledger.close();
    rmSync(this.stateDir, { recursive: true, force: true });
  }
}

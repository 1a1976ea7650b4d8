import { defineConfig } from "vitest/config";

/** Real local Workers with state on disk, real clients over loopback, real kills. */
export default defineConfig({
  test: { name: "e2e", include: ["test/e2e/**/*.test.ts"], testTimeout: 300_000, hookTimeout: 60_000, maxWorkers: 1 },
});

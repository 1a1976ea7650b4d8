import { defineConfig } from "vitest/config";

/** What takes minutes by its nature, with the real constants. Not part of `npm test`. */
export default defineConfig({
  test: { name: "long", include: ["test/long/**/*.test.ts"], testTimeout: 600_000, hookTimeout: 60_000, maxWorkers: 1 },
});

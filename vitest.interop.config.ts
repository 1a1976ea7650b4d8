import { defineConfig } from "vitest/config";

/** Unmodified official clients against our platform; test/interop/CONTRACT.md says what each of them serves. */
export default defineConfig({
  test: {
    name: "interop",
    include: ["test/interop/*.test.ts"],
    globalSetup: "test/interop/setup.ts",
    testTimeout: 300_000,
    hookTimeout: 60_000,
    maxWorkers: 2,
    maxConcurrency: 8,
    sequence: { concurrent: true },
  },
});

import { defineConfig } from "vitest/config";

/** The adapters, as installed, in the frameworks themselves; those are in test/frameworks/package.json. */
export default defineConfig({
  test: {
    name: "frameworks",
    include: ["test/frameworks/**/*.test.ts"],
    globalSetup: "test/frameworks/package-build.ts",
    testTimeout: 60_000,
    hookTimeout: 90_000,
    maxWorkers: 2,
  },
});

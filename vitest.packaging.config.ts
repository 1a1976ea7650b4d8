import { defineConfig } from "vitest/config";

/** What npm would publish, packed, installed and used as users do. Needs the npm registry, or a warm npm cache. */
export default defineConfig({
  test: {
    name: "packaging",
    include: ["test/packaging/**/*.test.ts"],
    globalSetup: "test/packaging/pack.ts",
    testTimeout: 120_000,
    hookTimeout: 120_000,
    maxWorkers: 1,
  },
});

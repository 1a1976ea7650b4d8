import { defineConfig } from "vitest/config";

/** The dashboard in Chromium, against a local platform with real runs. */
export default defineConfig({
  test: {
    name: "browser",
    include: ["test/browser/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 90_000,
    maxWorkers: 1,
  },
});

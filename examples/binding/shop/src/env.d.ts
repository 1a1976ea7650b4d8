// What `wrangler types` would write.
declare namespace Cloudflare {
  interface Env {
    INNGEST: Fetcher;
  }
}

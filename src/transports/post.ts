/** One HTTP exchange, made from an invocation of its own: connection limits are per invocation (design §4). */
export type Post = (request: PostRequest) => Promise<PostResult>;

export interface PostRequest {
  /** default: POST */
  method?: string;
  url: string;
  headers: Record<string, string>;
  body: string;
}

export type PostResult =
  | { kind: "answered"; status: number; headers: Record<string, string>; body: string }
  | { kind: "failed"; code: "unreachable" | "output_too_large"; message: string };

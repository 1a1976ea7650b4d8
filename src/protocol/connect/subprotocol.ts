/** Of the WebSocket between worker and platform (inngest-protocol §7.2). */
export const CONNECT_SUBPROTOCOL = "v0.connect.inngest.com";

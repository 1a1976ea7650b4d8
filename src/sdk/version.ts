/** Version of this package, as npm knows it. */
export const version = "0.1.0";

/** How this client names itself on the wire; official servers refuse ranges of `js:v3`, so the name is our own. */
export const sdkName = `dotdo-js:v${version}`;

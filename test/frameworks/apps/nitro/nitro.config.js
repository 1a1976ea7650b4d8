export default { preset: "node", serverDir: "." };

/**
 * Results of steps and the field `encrypted` of events leave this app encrypted. The platform, its database and its
 * dashboard hold ciphertext; handlers see plain values.
 */
import { Inngest } from "@dotdo/inngest";
import { serve } from "@dotdo/inngest/edge";
import { encryptionMiddleware } from "@dotdo/inngest/middleware/encryption";

export const inngest = new Inngest({
  id: "encrypted",
  isDev: true,
  middleware: [
    encryptionMiddleware({
      key: process.env.ENCRYPTION_KEY ?? "example-only: openssl rand -base64 32",
      // the keys of before, until no run of their time is left
      fallbackDecryptionKeys: process.env.OLD_ENCRYPTION_KEY ? [process.env.OLD_ENCRYPTION_KEY] : [],
    }),
  ],
});

export const scorePatient = inngest.createFunction(
  { id: "score-patient" },
  { event: "patient/admitted" },
  async ({ event, step }) => {
    // sent as { patientId, encrypted: { diagnosis } }
    const { diagnosis } = event.data.encrypted;
    const score = await step.run("score", () => ({ diagnosis, score: diagnosis.length }));
    return score;
  },
);

export default { fetch: serve({ client: inngest, functions: [scorePatient] }) };

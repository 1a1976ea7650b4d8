/** Environment that requests without one belong to. Branch environments will be named by `x-inngest-env`. */
export const MAIN_ENV = "main";

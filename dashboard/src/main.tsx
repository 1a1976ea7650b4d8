import { QueryCache, QueryClient, QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import { isSignedOut, SESSION_KEY } from "./api/session.ts";
import { router } from "./router.tsx";
import "./styles.css";
import { applyTheme } from "./ui/theme.ts";

applyTheme();

const client = new QueryClient({
  queryCache: new QueryCache({
    onError: (error) => {
      // the sign-in is over: what surrounds the pages learns of it, and asks for a key
      if (isSignedOut(error) && client.getQueryData(SESSION_KEY))
        void client.invalidateQueries({ queryKey: SESSION_KEY });
    },
  }),
  defaultOptions: {
    // the platform may be on this very machine, without any network
    queries: { retry: false, networkMode: "always", staleTime: 1_000 },
    mutations: { retry: false, networkMode: "always" },
  },
});

const root = document.getElementById("root");
if (!root) throw new Error("the page has no #root");
createRoot(root).render(
  <StrictMode>
    <QueryClientProvider client={client}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);

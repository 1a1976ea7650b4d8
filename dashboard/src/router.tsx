/** Which address is which page. Pages are loaded when they are first opened. */
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from "@tanstack/react-router";
import { readEventsSearch, readFunctionsSearch, readRunSearch, readRunsSearch } from "./model/search.ts";
import { NoSuchPage, PageFailed } from "./ui/no-page.tsx";
import { Shell } from "./ui/shell.tsx";

const root = createRootRoute({ component: Shell, notFoundComponent: NoSuchPage, errorComponent: PageFailed });

const home = createRoute({
  getParentRoute: () => root,
  path: "/",
  beforeLoad: () => {
    throw redirect({ to: "/runs", replace: true });
  },
});

const runs = createRoute({
  getParentRoute: () => root,
  path: "/runs",
  validateSearch: readRunsSearch,
  component: lazyRouteComponent(() => import("./pages/runs/page.tsx"), "RunsPage"),
});

const run = createRoute({
  getParentRoute: () => root,
  path: "/runs/$runId",
  validateSearch: readRunSearch,
  component: lazyRouteComponent(() => import("./pages/run/page.tsx"), "RunPage"),
});

const events = createRoute({
  getParentRoute: () => root,
  path: "/events",
  validateSearch: readEventsSearch,
  component: lazyRouteComponent(() => import("./pages/events/page.tsx"), "EventsPage"),
});

const event = createRoute({
  getParentRoute: () => root,
  path: "/events/$eventId",
  component: lazyRouteComponent(() => import("./pages/events/event-page.tsx"), "EventPage"),
});

const functions = createRoute({
  getParentRoute: () => root,
  path: "/functions",
  validateSearch: readFunctionsSearch,
  component: lazyRouteComponent(() => import("./pages/functions/page.tsx"), "FunctionsPage"),
});

const fn = createRoute({
  getParentRoute: () => root,
  path: "/functions/$slug",
  component: lazyRouteComponent(() => import("./pages/functions/function-page.tsx"), "FunctionPage"),
});

const lines = createRoute({
  getParentRoute: () => root,
  path: "/lines",
  component: lazyRouteComponent(() => import("./pages/lines/page.tsx"), "LinesPage"),
});

const apps = createRoute({
  getParentRoute: () => root,
  path: "/apps",
  component: lazyRouteComponent(() => import("./pages/apps/page.tsx"), "AppsPage"),
});

const audit = createRoute({
  getParentRoute: () => root,
  path: "/audit",
  component: lazyRouteComponent(() => import("./pages/audit/page.tsx"), "AuditPage"),
});

export const router = createRouter({
  routeTree: root.addChildren([home, runs, run, events, event, functions, fn, lines, apps, audit]),
  // the Worker writes into <base> where the dashboard stands
  basepath: new URL(document.baseURI).pathname,
  defaultPreload: "intent",
  scrollRestoration: true,
});

declare module "@tanstack/react-router" {
  interface Register {
    router: typeof router;
  }
}

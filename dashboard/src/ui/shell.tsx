import { Link, Outlet } from "@tanstack/react-router";
import { lazy, Suspense, useEffect, useState } from "react";
import { useSession } from "../api/session.ts";
import { Account } from "./account.tsx";
import { AwayBanner } from "./away-banner.tsx";
import { Button } from "./button.tsx";
import { Icon } from "./icons.tsx";
import { SECTIONS } from "./sections.ts";
import { SignIn } from "./sign-in.tsx";
import { ThemeButton } from "./theme-button.tsx";

const Palette = lazy(() => import("./palette.tsx"));

/** What surrounds every page. */
export function Shell() {
  const [isSearching, setSearching] = useState(false);
  const { data: session } = useSession();
  useEffect(() => {
    function onKey(event: KeyboardEvent) {
      if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey)) return;
      event.preventDefault();
      setSearching((is) => !is);
    }
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);

  return (
    <div className="flex h-full flex-col">
      <a href="#main" className="bg-panel absolute -top-20 left-2 z-10 rounded-md p-2 focus:top-2">
        Skip to the page
      </a>
      <AwayBanner />
      <div className="border-line bg-panel flex items-center gap-1 border-b px-2 sm:px-4">
        <nav aria-label="Pages" className="flex min-w-0 flex-1 gap-1 overflow-x-auto">
          {SECTIONS.map(({ to, title }) => (
            <Link
              key={to}
              to={to}
              className="text-soft hover:text-ink data-[status=active]:border-accent data-[status=active]:text-ink -mb-px border-b-2 border-transparent px-2 py-2.5 font-medium sm:px-2.5"
            >
              {title}
            </Link>
          ))}
        </nav>
        <Button
          look="quiet"
          onClick={() => setSearching(true)}
          aria-keyshortcuts="Control+K Meta+K"
          aria-label="Go to …"
        >
          <Icon name="search" />
          <kbd className="hidden font-sans text-xs sm:inline">Ctrl K</kbd>
        </Button>
        <ThemeButton />
        <Account />
      </div>
      <main id="main" tabIndex={-1} className="min-h-0 flex-1 overflow-auto outline-none">
        {session === null ? <SignIn /> : <Outlet />}
      </main>
      {isSearching ? (
        <Suspense>
          <Palette onClose={() => setSearching(false)} />
        </Suspense>
      ) : null}
    </div>
  );
}

import { behavioursOver } from "./helpers/behaviour-host.ts";

behavioursOver("http");

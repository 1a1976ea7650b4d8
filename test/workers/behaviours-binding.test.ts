import { behavioursOver } from "./helpers/behaviour-host.ts";

behavioursOver("binding");

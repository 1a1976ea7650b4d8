import { describe, expect, test } from "vitest";
import { isPrivateTarget } from "../../src/protocol/private-address.ts";

describe("[design §10] what a deployed platform does not call", () => {
  test.each([
    "http://localhost:3000",
    "http://LOCALHOST.",
    "http://app.localhost",
    "http://printer.local",
    "http://metadata.google.internal",
    "http://router.home.arpa",
    "http://intranet",
    "http://127.0.0.1",
    "http://127.1",
    "http://2130706433", // 127.0.0.1 in one number
    "http://0x7f.0.0.1",
    "http://0177.0.0.1",
    "http://0.0.0.0",
    "http://10.1.2.3",
    "http://100.64.0.1",
    "http://100.127.255.255",
    "http://169.254.169.254/latest/meta-data",
    "http://172.16.0.1",
    "http://172.31.255.255",
    "http://192.0.0.8",
    "http://192.168.1.1",
    "http://198.19.0.1",
    "http://224.0.0.1",
    "http://255.255.255.255",
    "http://[::]",
    "http://[::1]",
    "http://[::ffff:127.0.0.1]",
    "http://[::ffff:a00:1]",
    "http://[::7f00:1]",
    "http://[64:ff9b::10.0.0.1]",
    "http://[2002:7f00:1::]",
    "http://[fc00::1]",
    "http://[fdff:ffff::1]",
    "http://[fe80::1]",
    "http://[fec0::1]",
    "http://[ff02::1]",
    "http://[2001:db8::1]",
    "http://[2001::1]",
  ])("%s", (url) => {
    expect(isPrivateTarget(new URL(url))).toBe(true);
  });

  test.each([
    "https://app.example.com",
    "https://localhost.example.com",
    "https://mylocal.dev",
    "http://1.1.1.1",
    "http://9.255.255.255",
    "http://11.0.0.1",
    "http://100.63.255.255",
    "http://100.128.0.1",
    "http://126.1.1.1",
    "http://128.0.0.1",
    "http://169.253.1.1",
    "http://172.15.255.255",
    "http://172.32.0.1",
    "http://192.0.1.1",
    "http://192.167.1.1",
    "http://198.17.1.1",
    "http://198.20.0.1",
    "http://223.255.255.255",
    "http://[2606:4700:4700::1111]",
    "http://[::ffff:1.1.1.1]",
    "http://[64:ff9b::1.1.1.1]",
    "http://[2002:101:101::]",
    "http://[2001:4860:4860::8888]",
  ])("but %s", (url) => {
    expect(isPrivateTarget(new URL(url))).toBe(false);
  });
});

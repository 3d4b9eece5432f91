// redact-pii over the corpus: lines of generate.py in, lines of id and out out. Names are left alone: the corpus has none.
const { SyncRedactor } = require("redact-pii");
const kinds = {
  creditCardNumber: "CREDIT_CARD", streetAddress: "STREETADDRESS", zipcode: "ZIPCODE", phoneNumber: "PHONE", ipAddress: "IP_ADDRESS",
  usSocialSecurityNumber: "US_SSN", emailAddress: "EMAIL", username: "USERNAME", password: "PASSWORD", credentials: "CREDENTIALS",
  digits: "DIGITS", url: "URL",
};
const builtInRedactors = { names: { enabled: false } };
for (const [kind, entity] of Object.entries(kinds)) builtInRedactors[kind] = { replaceWith: `⟦${entity}⟧` };
const redactor = new SyncRedactor({ builtInRedactors });
const lines = require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean);
for (const line of lines) {
  const entry = JSON.parse(line);
  console.log(JSON.stringify({ id: entry.id, out: redactor.redact(entry.text) }));
}

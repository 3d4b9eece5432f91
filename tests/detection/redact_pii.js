// redact-pii over the corpus: lines of generate.py in, lines of id and out out. Its kinds run in its own order, one by one,
// because it has one replacement for all. Names, streets, ZIP codes, URLs and bare digits are no part of the corpus.
const { SyncRedactor } = require("redact-pii");
const kinds = {
  creditCardNumber: "CREDIT_CARD", streetAddress: null, zipcode: null, phoneNumber: "PHONE", ipAddress: "IP_ADDRESS",
  usSocialSecurityNumber: "US_SSN", emailAddress: "EMAIL", username: null, password: "PASSWORD", credentials: "CREDENTIALS",
  digits: null, url: null, names: null,
};
const redactors = [];
for (const wanted of Object.keys(kinds).filter((kind) => kinds[kind])) {
  const builtInRedactors = {};
  for (const kind of Object.keys(kinds)) builtInRedactors[kind] = { enabled: kind === wanted };
  redactors.push(new SyncRedactor({ builtInRedactors, globalReplaceWith: `⟦${kinds[wanted]}⟧` }));
}
for (const line of require("fs").readFileSync(0, "utf8").split("\n").filter(Boolean)) {
  const entry = JSON.parse(line);
  console.log(JSON.stringify({ id: entry.id, out: redactors.reduce((text, redactor) => redactor.redact(text), entry.text) }));
}

"""Secrets: tokens in the shapes that their vendors document, secrets beside a label, and passwords.

Nothing here is or ever was a live value. Bodies are drawn at random when the corpus is made, and prefixes are written in
two parts, so that no text of this file looks like a token. Checks that vendors publish (CRC-32 in GitHub's and npm's tokens,
the JSON inside PyPI's and JWTs) are right.
"""

import base64
import json

import checks
from values import DIGITS, HEX, LETTERS, Value, digits, letters

LOWER = LETTERS.lower()
ALNUM = LETTERS + LOWER + DIGITS
URLSAFE = ALNUM + "_-"
BASE64 = ALNUM + "+/"
UPPER = LETTERS + DIGITS
BASE32 = LETTERS + "234567"
SMALL = LOWER + DIGITS


def j(*parts):
    """A prefix of several parts."""
    return "".join(parts)


# Vendor, the token's kind, its prefix, its alphabet, how many of it, what follows.
SIMPLE = [
    ("aws-access-key-id", j("AK", "IA"), BASE32, 16, ""),
    ("aws-session-key-id", j("AS", "IA"), BASE32, 16, ""),
    ("github-fine-grained", j("github", "_pat_"), ALNUM, 22, None),
    ("gitlab-personal", j("gl", "pat-"), URLSAFE, 20, ""),
    ("gitlab-deploy", j("gl", "dt-"), URLSAFE, 20, ""),
    ("gitlab-runner", j("gl", "rt-"), URLSAFE, 20, ""),
    ("gitlab-trigger", j("gl", "ptt-"), HEX, 40, ""),
    ("gitlab-feed", j("gl", "ft-"), URLSAFE, 20, ""),
    ("gitlab-agent", j("gl", "agent-"), URLSAFE, 50, ""),
    ("gitlab-oauth-secret", j("gl", "oas-"), HEX, 64, ""),
    ("gitlab-scim", j("gl", "soat-"), URLSAFE, 20, ""),
    ("google-api-key", j("AI", "za"), URLSAFE, 35, ""),
    ("google-oauth-secret", j("GOC", "SPX-"), URLSAFE, 28, ""),
    ("google-oauth-token", j("ya", "29."), URLSAFE, 120, ""),
    ("anthropic", j("sk-", "ant-api03-"), URLSAFE, 93, "AA"),
    ("anthropic-admin", j("sk-", "ant-admin01-"), URLSAFE, 93, "AA"),
    ("huggingface", j("h", "f_"), LETTERS + LOWER, 34, ""),
    ("rubygems", j("ruby", "gems_"), HEX, 48, ""),
    ("crates-io", j("ci", "o"), ALNUM, 32, ""),
    ("nuget", j("oy", "2"), SMALL, 43, ""),
    ("docker", j("dckr", "_pat_"), URLSAFE, 27, ""),
    ("digitalocean-personal", j("dop", "_v1_"), HEX, 64, ""),
    ("digitalocean-oauth", j("doo", "_v1_"), HEX, 64, ""),
    ("digitalocean-refresh", j("dor", "_v1_"), HEX, 64, ""),
    ("doppler", j("dp.", "pt."), ALNUM, 43, ""),
    ("doppler-service", j("dp.", "st.prd."), ALNUM, 43, ""),
    ("databricks", j("da", "pi"), HEX, 32, ""),
    ("shopify-access", j("shp", "at_"), HEX, 32, ""),
    ("shopify-secret", j("shp", "ss_"), HEX, 32, ""),
    ("shopify-custom", j("shp", "ca_"), HEX, 32, ""),
    ("square-access", j("sq0", "atp-"), URLSAFE, 22, ""),
    ("square-secret", j("sq0", "csp-"), URLSAFE, 43, ""),
    ("stripe-live", j("sk_", "live_"), ALNUM, 99, ""),
    ("stripe-live-short", j("sk_", "live_"), ALNUM, 24, ""),
    ("stripe-restricted", j("rk_", "live_"), ALNUM, 99, ""),
    ("stripe-test", j("sk_", "test_"), ALNUM, 24, ""),
    ("stripe-webhook", j("wh", "sec_"), ALNUM, 32, ""),
    ("linear", j("lin", "_api_"), ALNUM, 40, ""),
    ("notion", j("nt", "n_"), ALNUM, 46, ""),
    ("figma", j("fig", "d_"), URLSAFE, 40, ""),
    ("newrelic-user", j("NR", "AK-"), UPPER, 27, ""),
    ("newrelic-insert", j("NR", "II-"), URLSAFE, 32, ""),
    ("planetscale-token", j("pscale", "_tkn_"), URLSAFE, 43, ""),
    ("planetscale-password", j("pscale", "_pw_"), URLSAFE, 43, ""),
    ("pulumi", j("pu", "l-"), HEX, 40, ""),
    ("vault-service", j("hv", "s."), URLSAFE, 95, ""),
    ("vault-batch", j("hv", "b."), URLSAFE, 138, ""),
    ("netlify", j("nf", "p_"), ALNUM, 36, ""),
    ("supabase-access", j("sb", "p_"), HEX, 40, ""),
    ("replicate", j("r", "8_"), ALNUM, 37, ""),
    ("groq", j("gs", "k_"), ALNUM, 52, ""),
    ("perplexity", j("pp", "lx-"), ALNUM, 48, ""),
    ("xai", j("xa", "i-"), ALNUM, 80, ""),
    ("openrouter", j("sk-", "or-v1-"), HEX, 64, ""),
    ("nvidia", j("nv", "api-"), URLSAFE, 64, ""),
    ("brevo", j("xkey", "sib-"), HEX, 64, None),
    ("resend", j("re", "_"), ALNUM, 8, None),
    ("posthog", j("ph", "x_"), ALNUM, 43, ""),
    ("prefect", j("pn", "u_"), ALNUM, 36, ""),
    ("readme", j("rd", "me_"), SMALL, 70, ""),
    ("shippo", j("shippo", "_live_"), HEX, 40, ""),
    ("easypost", j("EZ", "AK"), ALNUM, 54, ""),
    ("razorpay", j("rzp", "_live_"), ALNUM, 14, ""),
    ("dynatrace", j("dt0", "c01."), BASE32, 24, None),
    ("buildkite", j("bk", "ua_"), HEX, 40, ""),
    ("circleci", j("CCI", "PAT_"), ALNUM, 22, None),
    ("contentful", j("CF", "PAT-"), URLSAFE, 43, ""),
    ("duffel", j("duffel", "_live_"), URLSAFE, 43, ""),
    ("typeform", j("tf", "p_"), URLSAFE, 44, ""),
    ("tailscale", j("ts", "key-auth-"), ALNUM, 17, None),
    ("onepassword", j("op", "s_eyJ"), ALNUM, 320, ""),
    ("sonarqube", j("sq", "u_"), HEX, 40, ""),
    ("sentry-user", j("sntr", "yu_"), HEX, 64, ""),
    ("postman", j("PM", "AK-"), HEX, 24, None),
    ("grafana-service", j("gl", "sa_"), ALNUM, 32, None),
    ("atlassian", j("ATA", "TT3xFfGF0"), URLSAFE, 171, None),
    ("artifactory", j("AK", "Cp"), ALNUM, 69, ""),
    ("alibaba", j("LT", "AI"), ALNUM, 20, ""),
    ("tencent", j("AK", "ID"), ALNUM, 32, ""),
    ("langsmith", j("lsv2", "_pt_"), HEX, 32, None),
    ("pinecone", j("pc", "sk_"), ALNUM, 6, None),
    ("flutterwave", j("FLW", "SECK-"), SMALL, 32, None),
    ("paystack", j("sk_", "live_"), HEX, 40, ""),
    ("heroku", j("HRKU-", "AA"), URLSAFE, 58, ""),
    ("fly", j("fo", "1_"), URLSAFE, 43, ""),
    ("airtable", j("pa", "t"), ALNUM, 14, None),
    ("mailgun", j("ke", "y-"), HEX, 32, ""),
    ("twilio-api-key", j("S", "K"), HEX, 32, ""),
    ("facebook", j("EA", "A"), ALNUM, 180, ""),
    ("confluent", j("cf", "lt"), BASE64, 60, ""),
    ("age", j("AGE-", "SECRET-KEY-1"), checks.BECH32.upper(), 58, ""),
    ("yandex-iam", j("t1", "."), URLSAFE, 60, None),
    ("clickhouse", j("4b", "1d"), ALNUM, 38, ""),
    ("cloudflare-origin", j("v1", ".0-"), HEX, 24, None),
    ("adafruit", j("aio", "_"), ALNUM, 28, ""),
    ("infracost", j("ic", "o-"), ALNUM, 32, ""),
    ("lob", j("live", "_"), HEX, 35, ""),
    ("mapbox-secret", j("sk", ".eyJ1Ijoi"), ALNUM, 60, None),
    ("intra42", j("s-s4t2ud-", ""), HEX, 64, ""),
    ("rootly", j("rootly", "_"), HEX, 64, ""),
    ("harness", j("pa", "t."), URLSAFE, 22, None),
    ("scalingo", j("tk-us-", ""), URLSAFE, 48, ""),
    ("sumup", j("sup_sk_", ""), ALNUM, 32, ""),
    ("fireworks", j("fw", "_"), ALNUM, 24, ""),
    ("cerebras", j("cs", "k-"), SMALL, 48, ""),
    ("deepseek", j("sk", "-"), HEX, 32, ""),
]
FOLLOWS = {
    "github-fine-grained": ("_", ALNUM, 59), "brevo": ("-", ALNUM, 16), "resend": ("_", ALNUM, 24), "dynatrace": (".", BASE32, 64),
    "circleci": ("_", HEX, 40), "tailscale": ("-", ALNUM, 32), "postman": ("-", HEX, 34), "grafana-service": ("_", HEX, 8),
    "atlassian": ("=", HEX.upper(), 8), "langsmith": ("_", HEX, 10), "pinecone": ("_", ALNUM, 63), "flutterwave": ("-", "X", 1),
    "airtable": (".", HEX, 64), "yandex-iam": (".", URLSAFE, 86), "cloudflare-origin": ("-", HEX, 146), "mapbox-secret": (".", URLSAFE, 22),
    "harness": (".", HEX, 24),
}


def base64url(data):
    return base64.urlsafe_b64encode(data).decode().rstrip("=")


def jwt(r):
    head = {"alg": r.choice(["HS256", "RS256", "ES256"]), "typ": "JWT"}
    claims = {"sub": digits(r, 10), "name": r.choice(["Jane Doe", "Li Chen"]), "iat": r.randint(1_600_000_000, 1_790_000_000)}
    dump = lambda part: base64url(json.dumps(part, separators=(",", ":")).encode())
    return f"{dump(head)}.{dump(claims)}.{letters(r, 43, URLSAFE)}"


def pem(r, name, lines):
    body = "\n".join(letters(r, 64, BASE64) for _ in range(lines))
    return f"-----BEGIN {name}-----\n{body}\n{letters(r, 30, BASE64)}==\n-----END {name}-----\n"


def special(r):
    """Tokens that are more than a prefix and a body: vendor, text."""
    a, h = (lambda count: letters(r, count, ALNUM)), (lambda count: letters(r, count, HEX))
    out = []
    for letter, vendor in (("p", "personal"), ("o", "oauth"), ("u", "user"), ("s", "server"), ("r", "refresh")):
        body = a(30)
        out.append((f"github-{vendor}", j("gh", f"{letter}_") + body + checks.base62_crc32(body)))
    body = a(30)
    out += [
        ("npm", j("np", "m_") + body + checks.base62_crc32(body)),
        ("pypi", j("py", "pi-") + base64url(b"\x02\x01\x08pypi.org\x02\x24" + h(36).encode() + r.randbytes(90))),
        ("slack-bot", j("xo", "xb-") + f"{digits(r, 12)}-{digits(r, 13)}-{a(24)}"),
        ("slack-user", j("xo", "xp-") + f"{digits(r, 12)}-{digits(r, 12)}-{digits(r, 13)}-{h(32)}"),
        ("slack-app", j("xa", "pp-") + f"1-A0{letters(r, 9, UPPER)}-{digits(r, 13)}-{h(64)}"),
        ("slack-webhook", "https://hooks.slack.com/" + j("serv", "ices/") + f"T{letters(r, 10, UPPER)}/B{letters(r, 10, UPPER)}/{a(24)}"),
        ("openai-project", j("sk-", "proj-") + letters(r, 74, URLSAFE) + j("T3Blbk", "FJ") + letters(r, 74, URLSAFE)),
        ("openai-service", j("sk-", "svcacct-") + letters(r, 74, URLSAFE) + j("T3Blbk", "FJ") + letters(r, 74, URLSAFE)),
        ("openai-legacy", j("s", "k-") + a(20) + j("T3Blbk", "FJ") + a(20)),
        ("sendgrid", j("S", "G.") + letters(r, 22, URLSAFE) + "." + letters(r, 43, URLSAFE)),
        ("mailchimp", h(32) + f"-us{r.randint(1, 21)}"),
        ("telegram", f"{r.randint(100000000, 7999999999)}:AA{letters(r, 33, URLSAFE)}"),
        ("discord", f"{base64url(str(r.randint(10**18, 2 * 10**18)).encode())}.G{letters(r, 5, URLSAFE)}.{letters(r, 38, URLSAFE)}"),
        ("discord-webhook", "https://discord.com/" + j("api/", "webhooks/") + f"{digits(r, 19)}/{letters(r, 68, URLSAFE)}"),
        ("teams-webhook", f"https://contoso.webhook.office.com/{j('webhook', 'b2')}/{uuid(r)}@{uuid(r)}/IncomingWebhook/{h(32)}/{uuid(r)}"),
        ("terraform-cloud", a(14) + j(".atlas", "v1.") + letters(r, 67, URLSAFE)),
        ("azure-storage", f"DefaultEndpointsProtocol=https;AccountName=acme{digits(r, 3)};{j('Account', 'Key')}={letters(r, 86, BASE64)}==;EndpointSuffix=core.windows.net"),
        ("azure-client-secret", a(3) + f"{r.choice(DIGITS)}{j('Q', '~')}" + letters(r, 34, URLSAFE + ".~")),
        ("azure-sas", f"https://acme.blob.core.windows.net/data?sv=2024-11-04&ss=b&srt=sco&sp=rl&se=2027-01-01T00:00:00Z&{j('si', 'g')}={letters(r, 43, ALNUM)}%3D"),
        ("braintree", j("access_token$", "production$") + letters(r, 16, SMALL) + "$" + h(32)),
        ("dropbox", j("s", "l.") + "B" + letters(r, 135, URLSAFE)),
        ("jwt", jwt(r)),
        ("pem-rsa", pem(r, j("RSA PRIVATE", " KEY"), 24)),
        ("pem-pkcs8", pem(r, j("PRIVATE", " KEY"), 26)),
        ("pem-ec", pem(r, j("EC PRIVATE", " KEY"), 2)),
        ("pem-openssh", pem(r, j("OPENSSH PRIVATE", " KEY"), 6)),
        ("pgp", pem(r, j("PGP PRIVATE KEY", " BLOCK"), 20)),
        ("gcp-service-account", json.dumps({"type": "service_account", "project_id": "acme", "private_key": pem(r, j("PRIVATE", " KEY"), 26)})),
        ("url-postgres", f"postgres://app:{password(r, False)}@db.example.com:5432/main"),
        ("url-mysql", f"mysql://root:{password(r, False)}@db.internal/shop"),
        ("url-mongodb", f"mongodb+srv://svc:{password(r, False)}@cluster0.example.net/?retryWrites=true"),
        ("url-redis", f"redis://:{password(r, False)}@cache.example.com:6379/0"),
        ("url-amqp", f"amqps://worker:{password(r, False)}@mq.example.com/vhost"),
        ("url-https", f"https://deploy:{password(r, False)}@git.example.com/acme/app.git"),
        ("odbc", f"Server=tcp:sql.example.com,1433;Database=crm;User ID=app;{j('Pass', 'word')}={password(r, False)};Encrypt=True;"),
        ("jdbc", f"jdbc:postgresql://db.example.com/crm?user=app&{j('pass', 'word')}={password(r, False)}"),
    ]
    return out


# Where not all of the text is the secret: what goes before the secret's first byte, and what follows its last.
INNER = {
    "azure-storage": ("AccountKey=", ";"), "azure-sas": ("sig=", ""), "slack-webhook": ("services/", ""), "teams-webhook": ("webhookb2/", ""),
    "url-postgres": ("app:", "@"), "url-mysql": ("root:", "@"), "url-mongodb": ("svc:", "@"), "url-redis": ("redis://:", "@"),
    "url-amqp": ("worker:", "@"), "url-https": ("deploy:", "@"), "odbc": ("Password=", ";"), "jdbc": ("password=", ""),
}


def uuid(r):
    whole = letters(r, 32, HEX)
    return f"{whole[:8]}-{whole[8:12]}-4{whole[13:16]}-{r.choice('89ab')}{whole[17:20]}-{whole[20:]}"


def tokens(r):
    """One token of every vendor: vendor, text before the secret, the secret, text after it."""
    out = []
    for vendor, prefix, alphabet, count, follows in SIMPLE:
        text = prefix + letters(r, count, alphabet)
        if follows is None:
            separator, alphabet, count = FOLLOWS[vendor]
            follows = separator + letters(r, count, alphabet)
        # A token does not end in a separator: documents and logs would cut it there.
        while text[-1] in "_-" and not follows:
            text = text[:-1] + r.choice(ALNUM)
        out.append((vendor, "", text + follows, ""))
    for vendor, text in special(r):
        if "-----BEGIN" in text:
            # The lines that begin and end a key are no secret; its body is.
            start = text.index("-----", text.index("-----BEGIN") + 5) + 5
            stop = text.index("-----END")
        else:
            begin, end = INNER.get(vendor, ("", ""))
            start = text.rindex("/") + 1 if vendor == "discord-webhook" else text.index(begin) + len(begin)
            stop = text.index(end, start) if end else len(text)
            if text[stop - 1] in "_-" and stop == len(text):
                text = text[:-1] + r.choice(ALNUM)
        out.append((vendor, text[:start], text[start:stop], text[stop:]))
    return out


# A secret of no known shape, with the vendor's or a credential's word beside it: label, alphabet, length.
LABELLED = [
    ("aws_secret_access_key", BASE64, 40), ("AWS_SECRET_ACCESS_KEY", BASE64, 40), ("secretAccessKey", BASE64, 40),
    ("DATADOG_API_KEY", HEX, 32), ("DD_APP_KEY", HEX, 40), ("TWILIO_AUTH_TOKEN", HEX, 32), ("cloudflare_api_token", URLSAFE, 40),
    ("CF_API_KEY", HEX, 37), ("VERCEL_TOKEN", ALNUM, 24), ("HEROKU_API_KEY", "uuid", 36), ("OKTA_API_TOKEN", URLSAFE, 42),
    ("AUTH0_CLIENT_SECRET", URLSAFE, 64), ("COHERE_API_KEY", ALNUM, 40), ("MISTRAL_API_KEY", ALNUM, 32), ("PAGERDUTY_TOKEN", ALNUM, 20),
    ("algolia_admin_key", HEX, 32), ("ALGOLIA_API_KEY", HEX, 32), ("PLAID_SECRET", HEX, 30), ("SEGMENT_WRITE_KEY", ALNUM, 32),
    ("mixpanel_secret", HEX, 32), ("ASANA_TOKEN", HEX, 32), ("trello_token", HEX, 64), ("JIRA_API_TOKEN", ALNUM, 24),
    ("bitbucket_client_secret", ALNUM, 32), ("TWITTER_API_SECRET", ALNUM, 50), ("LINKEDIN_CLIENT_SECRET", ALNUM, 16),
    ("SPOTIFY_CLIENT_SECRET", HEX, 32), ("FASTLY_API_TOKEN", URLSAFE, 32), ("SNYK_TOKEN", "uuid", 36), ("CODECOV_TOKEN", "uuid", 36),
    ("ZENDESK_API_TOKEN", ALNUM, 40), ("intercom_access_token", ALNUM, 60), ("FRESHDESK_API_KEY", ALNUM, 20), ("MESSAGEBIRD_KEY", ALNUM, 25),
    ("api_key", ALNUM, 32), ("apiKey", URLSAFE, 40), ("API-Key", HEX, 40), ("X-Api-Key", ALNUM, 36), ("client_secret", URLSAFE, 40),
    ("clientSecret", ALNUM, 32), ("access_token", URLSAFE, 48), ("refresh_token", URLSAFE, 64), ("auth_token", HEX, 40), ("secret_key", ALNUM, 50),
    ("SECRET_KEY_BASE", HEX, 64), ("DJANGO_SECRET_KEY", ALNUM + "!@#$%^*(-_=+)", 50), ("JWT_SECRET", ALNUM, 40), ("session_secret", ALNUM, 32),
    ("encryption_key", HEX, 64), ("signing_key", BASE64, 44), ("private_token", URLSAFE, 26), ("webhook_secret", ALNUM, 32), ("bearer token", URLSAFE, 40),
    ("license_key", UPPER, 25), ("consumer_secret", ALNUM, 45), ("app_secret", HEX, 32), ("master_key", HEX, 32), ("API token", ALNUM, 36),
]


def labelled(r, entry):
    label, alphabet, count = entry
    if alphabet == "uuid":
        return Value(uuid(r), "SECRET_LABELLED", label, [label])
    ends = "".join(char for char in alphabet if char in ALNUM)
    text = r.choice(ends) + letters(r, count - 2, alphabet) + r.choice(ends)
    return Value(text, "SECRET_LABELLED", label, [label])


# Passwords: the word for it in the languages of the texts

PASSWORD_LABELS = {
    "en": ["password", "Password", "pwd", "passwd", "passphrase", "db_password", "DB_PASS", "userPassword", "admin_password", "pass"],
    "de": ["Passwort", "Kennwort", "passwort"], "fr": ["mot de passe", "Mot de passe", "mdp"], "es": ["contraseña", "Contraseña", "clave"],
    "pt": ["senha", "Senha", "palavra-passe"], "it": ["password", "parola d'ordine"], "nl": ["wachtwoord", "Wachtwoord"], "sv": ["lösenord", "Lösenord"],
    "no": ["passord"], "da": ["adgangskode", "kodeord"], "fi": ["salasana"], "is": ["lykilorð"], "pl": ["hasło", "Hasło"], "cs": ["heslo"],
    "hu": ["jelszó"], "ro": ["parolă", "parola"], "hr": ["lozinka"], "bg": ["парола"], "ru": ["пароль", "Пароль"], "uk": ["пароль"],
    "el": ["κωδικός", "κωδικός πρόσβασης"], "tr": ["şifre", "parola"], "he": ["סיסמה"], "ar": ["كلمة المرور", "كلمة السر"], "hi": ["पासवर्ड"],
    "zh": ["密码", "密碼"], "ja": ["パスワード"], "ko": ["비밀번호"], "vi": ["mật khẩu"], "id": ["kata sandi", "sandi"], "th": ["รหัสผ่าน"],
}
WORDS = "tiger river lemon cloud stone maple rocket silver bridge winter copper garden".split()


def password(r, marks=True):
    """A password as people and generators make them."""
    word = r.choice(WORDS)
    mark = r.choice("!#$*?" if marks else "!*_")
    return r.choice([
        f"{word.title()}{digits(r, 4)}{mark}",
        f"{word}{mark}{digits(r, 3)}{r.choice(LETTERS)}",
        f"{word[:3].upper()}{word[3:]}{mark}{digits(r, 2)}{r.choice(WORDS)}",
        letters(r, 16, ALNUM),
        letters(r, 12, ALNUM) + mark + digits(r, 2),
        f"{word.title()}-{r.choice(WORDS).title()}-{digits(r, 2)}",
        word.replace("e", "3").replace("i", "1").replace("o", "0") + mark + digits(r, 4),
    ])

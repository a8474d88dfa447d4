"""Headers and TLS against the claimed client's own population."""

from detector.features.catalogue.record import Feature, column

__all__ = ["FEATURES"]


FEATURES: tuple[Feature, ...] = (
    Feature(
        name="headers_missing",
        family="fingerprint",
        cause="names",
        level="session",
        definition="header names that the nearest common set has and this one lacks (count)",
        null="no complete header list, or client unknown",
        direction="high",
        benign=2.0,
        decisive=8.0,
        source="header sets of the claimed client's own population; no two releases lie 8 names apart",
        text="header names missing that this client usually sends: {value}; normally {baseline}",
        unit="names",
        expr=column("headers_missing"),
        print_mode=True,
        needs=("header_names", "user_agent"),
    ),
    Feature(
        name="headers_extra",
        family="fingerprint",
        cause="added",
        level="session",
        definition="header names that the nearest common set lacks (count)",
        null="no complete header list, or client unknown",
        direction="high",
        benign=1.0,
        source="header sets of the claimed client's own population",
        text="header names sent that this client usually does not send: {value}; normally {baseline}",
        unit="names",
        expr=column("headers_extra"),
        print_mode=True,
        needs=("header_names", "user_agent"),
    ),
    Feature(
        name="order_distance",
        family="fingerprint",
        cause="order",
        level="session",
        definition="share of header name pairs in another order than the nearest common order",
        null="no complete header list, client unknown, or behind a proxy",
        direction="high",
        benign=0.0,
        source="Kendall 1938, a new measure of rank correlation",
        text="{value} of the header pairs stand in another order than this client's; normally {baseline}",
        unit="share",
        expr=column("order_distance"),
        print_mode=True,
        needs=("header_names", "user_agent"),
    ),
    Feature(
        name="case_distance",
        family="fingerprint",
        cause="case",
        level="session",
        definition="share of header names in another upper and lower case than the nearest common order",
        null="no complete header list, client unknown, or behind a proxy",
        direction="high",
        benign=0.0,
        source="HTTP/1.1 stacks keep the case they were given (RFC 9112)",
        text=(
            "{value} of the header names are written in another case than this client's; normally {baseline}"
        ),
        unit="share",
        expr=column("case_distance"),
        print_mode=True,
        needs=("header_names", "user_agent"),
    ),
    Feature(
        name="foreign_library",
        family="fingerprint",
        cause="library",
        level="session",
        definition=(
            "share of requests whose headers stand as another HTTP library writes them, or as neither the "
            "client nor a proxy does"
        ),
        null="no complete header list, client unknown, or behind a proxy of accounts with telemetry",
        direction="high",
        benign=0.0,
        source="header layouts of HTTP libraries, captured on loopback (features/libraries.toml)",
        text=(
            "{value} of the requests have headers laid out as by another program than this client; "
            "normally {baseline}"
        ),
        unit="share",
        expr=column("foreign_library"),
        print_mode=True,
        needs=("header_names", "user_agent"),
    ),
    *(
        Feature(
            name=f"{aspect}_bits",
            family="fingerprint",
            cause=cause,
            level="session",
            definition=f"surprisal -log2 P({meaning} | client, version)",
            null=null,
            direction="high",
            benign=5.0,
            source="surprisal against the claimed client's own population, counted in accounts",
            text=f"{shown} by {{value}} of this client's accounts at most; normally by {{baseline}}",
            ordinary=f"{shown} by {{value}} of this client's accounts; normally by {{baseline}}",
            unit="bits",
            decisive=5.0 if cause == "claim" else None,
            expr=column(f"{aspect}_bits"),
            print_mode=True,
            needs=("user_agent", *logged),
        )
        for aspect, cause, logged, meaning, shown, null in (
            (
                "user_agent",
                "user_agent",
                (),
                "a user agent form",
                "user agents of this form are sent",
                "no user agent, a browser, or client unknown",
            ),
            (
                "name",
                "claim",
                (),
                "a product name on a request that asks a model",
                "this product name stands on requests that ask a model",
                "no user agent, a browser, or client unknown",
            ),
            (
                "accept_encoding",
                "encoding",
                ("header_values", "header_names"),
                "an accept-encoding",
                "this accept-encoding is sent",
                "header value or header list not logged, client unknown, or behind a proxy",
            ),
            (
                "values",
                "values",
                ("header_values",),
                "header values",
                "header values like these are sent",
                "no header values logged, or client unknown",
            ),
            (
                "ja4",
                "tls",
                ("ja4", "header_names"),
                "a TLS fingerprint",
                "this TLS fingerprint is shown",
                "no JA4 or header list logged, client unknown, or behind a proxy",
            ),
        )
    ),
    Feature(
        name="version_known",
        family="fingerprint",
        cause="version",
        level="session",
        definition="share of requests under a version that several other accounts run",
        null="no header list, or client unknown",
        direction="low",
        benign=0.5,
        source="tools write a version into their source, and keep it when people have moved on",
        text="{value} of the requests claim a version that other accounts run; normally {baseline}",
        unit="share",
        expr=column("version_known"),
        print_mode=True,
        needs=("user_agent",),
    ),
    Feature(
        name="fingerprint_churn",
        family="fingerprint",
        cause="churn",
        level="stream",
        definition="most header orders of one session / ln(1 + requests of the stream)",
        null="no complete header list, or fewer than 20 requests",
        direction="high",
        benign=1.0,
        source="rotation of client identities (web robot detection)",
        text=(
            "header orders change within a session: {value} orders for each tripling of requests; "
            "normally {baseline}"
        ),
        ordinary=(
            "header orders hold within a session: {value} orders for each e-fold of requests; "
            "normally {baseline}"
        ),
        print_mode=True,
        decisive=2.0,
        needs=("header_names",),
    ),
)

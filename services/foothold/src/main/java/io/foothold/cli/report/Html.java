package io.foothold.cli.report;

/** What every report page has in common. */
public final class Html {
    private Html() {}

    /** A page that needs nothing else. */
    public static String page(String title, String body) {
        return "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>" + escape(title) + "</title><style>"
                + "body{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
                + "table{border-collapse:collapse}td,th{padding:.3rem .8rem;border-bottom:1px solid #ddd;text-align:right}"
                + "td:first-child,th:first-child{text-align:left}pre{background:#f5f3ef;padding:.8rem;white-space:pre-wrap}"
                + "figure{margin:1rem 0}svg text{font:13px system-ui,sans-serif;fill:#444}"
                + ".kept{color:#666}.wrong{background:#f6d5c8}.cut{border-left:3px solid #b4552d;padding-left:.2rem}</style><h1>"
                + escape(title) + "</h1>" + body + "</html>\n";
    }

    /** Text that means itself. */
    public static String escape(String s) {
        return s.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;");
    }
}

namespace Lur.Reports;

/// <summary>The style sheet of every page. It has neither &gt; nor &amp;, which XML would escape and CSS would not understand.</summary>
internal static class PageStyle
{
    /// <summary>Shades of a map, from pale to dark; they are the same on a dark screen, and so are the numbers in them.</summary>
    private static readonly string[] s_shades = ["#e8f1fa", "#c6dcf0", "#9cc3e5", "#6aa5d6", "#2f75b5", "#1d5a96", "#0b3d73"];

    /// <summary>How many shades a map has.</summary>
    public static int Shades => s_shades.Length;

    /// <summary>What drawings need of the style sheet; it does for a drawing that stands alone. Inks are Okabe and Ito's, which the
    /// colour-blind tell apart; those of a series run from blue to orange; dark screens get lighter ones.</summary>
    public static string Drawing { get; } =
        """

            :root { color-scheme: light dark; --bg: #ffffff; --fg: #1a1f26; --soft: #57606a; --rule: #d5dae0; --panel: #f5f7f9;
              --k1: #8b949e; --k2: #e4e8ec; --k3: #0072b2; --k4: #c9510c; --k5: #00876a; --k6: #9aa4af; --k7: #0072b2; --k8: #7a4fbf;
              --k9: #1f3f8f; --k10: #2f7fc1; --k11: #14808a; --k12: #2e8b3d; --k13: #96700a; --k14: #bd4310;
              --good: #1a7f37; --bad: #b3261e; }
            @media (prefers-color-scheme: dark) { :root { --bg: #10141a; --fg: #e6eaef; --soft: #9aa5b1; --rule: #2d353f; --panel: #181e26;
              --k1: #66707c; --k2: #27303a; --k3: #56b4e9; --k4: #ff9d4d; --k5: #3ecfa3; --k6: #6b7682; --k7: #56b4e9; --k8: #b794f4;
              --k9: #7da2ff; --k10: #5cc4ff; --k11: #45cfd6; --k12: #76db86; --k13: #e8c547; --k14: #ff9466;
              --good: #56d364; --bad: #ff7b72; } }
            svg text { fill: var(--soft); font-size: 13px; font-variant-numeric: tabular-nums; }
            svg text.note { fill: var(--fg); stroke: var(--panel); stroke-width: 4px; paint-order: stroke; }
            svg .backing { fill: var(--panel); }
            svg .dashed { stroke-dasharray: 6 5; }
            svg text.marked { fill: var(--k4); font-weight: 700; }
            svg text.small { font-size: 11px; }
            svg text.cell { fill: #10141a; } svg text.cell.pale { fill: #ffffff; }
            svg .best { fill: none; stroke: var(--k4); stroke-width: 4px; }

            """
        + string.Concat(
            Enum.GetValues<Ink>()
                .Select(ink =>
                    $".s-{(int)ink} {{ stroke: var(--k{(int)ink}); "
                    + $"}} svg .f-{(int)ink} {{ fill: var(--k{(int)ink}); }} .key.f-{(int)ink} {{ background: var(--k{(int)ink}); }}\n"
                )
        )
        + string.Concat(s_shades.Select((shade, i) => $"svg .h-{i} {{ fill: {shade}; }}\n"));

    /// <summary>The text of the style element of a page.</summary>
    public static string Text { get; } =
        Drawing
        + """
            * { box-sizing: border-box; }
            body { margin: 0; background: var(--bg); color: var(--fg);
              font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
            code { font: .85em ui-monospace, Menlo, Consolas, monospace; }
            main { max-width: 66rem; margin: 0 auto; padding: 1.5rem 1rem 4rem; }
            h1 { font-size: 1.6rem; line-height: 1.25; margin: 0 0 .25rem; overflow-wrap: anywhere; }
            h2 { font-size: 1.2rem; margin: 2.5rem 0 .75rem; padding-bottom: .3rem; border-bottom: 1px solid var(--rule); }
            h3 { font-size: 1rem; margin: 0 0 .25rem; }
            p { max-width: 46rem; margin: .5rem 0; }
            .soft { color: var(--soft); }
            dl.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 14rem), 1fr)); gap: .5rem 1.5rem;
              margin: 1.25rem 0 0; }
            dl.facts dt { color: var(--soft); font-size: .8rem; }
            dl.facts dd { margin: 0; overflow-wrap: anywhere; }
            .wide { overflow-x: auto; }
            .wide + .wide { margin-top: 1.5rem; }
            table { border-collapse: collapse; width: 100%; font-size: .9375rem; font-variant-numeric: tabular-nums; }
            caption { text-align: left; color: var(--soft); font-size: .875rem; padding-bottom: .4rem; }
            th, td { text-align: left; padding: .4rem .75rem .4rem 0; border-bottom: 1px solid var(--rule); vertical-align: top;
              font-weight: normal; }
            thead th { color: var(--soft); font-size: .8rem; }
            tbody th { font-weight: 600; }
            th small { display: block; color: var(--soft); font-weight: normal; }
            td:last-child, th:last-child { padding-right: 0; }
            th.number, td.number { text-align: right; white-space: nowrap; }
            table.strips { table-layout: fixed; min-width: 40rem; }
            table.strips img { display: block; width: 100%; max-width: 20rem; image-rendering: pixelated; }
            .figures { margin-top: 1.25rem; display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 24rem), 1fr));
              gap: 1rem; }
            figure { margin: 0; padding: .9rem; background: var(--panel); border: 1px solid var(--rule); border-radius: .5rem;
              min-width: 0; }
            figcaption { color: var(--soft); font-size: .875rem; margin-top: .4rem; }
            figure svg { display: block; width: 100%; height: auto; font-family: inherit; }
            ul.legend { list-style: none; display: flex; flex-wrap: wrap; gap: .1rem 1rem; margin: 0 0 .3rem; padding: 0;
              font-size: .875rem; }
            .key { display: inline-block; width: .8em; height: .8em; border-radius: .15em; vertical-align: -.05em; }
            details { margin: 1rem 0; }
            summary { cursor: pointer; color: var(--soft); }
            .verdict { display: inline-block; padding: .1rem .6rem; border-radius: 1rem; border: 1px solid currentColor; font-weight: 600; }
            .good { color: var(--good); } .bad { color: var(--bad); }
            @media print { figure { break-inside: avoid; } body { background: #ffffff; color: #000000; } }

            """;
}

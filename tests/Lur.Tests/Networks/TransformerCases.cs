using Lur.Layers;
using Lur.Tests.Reference;
using static Lur.Tests.Reference.HyperDual;

namespace Lur.Tests.Networks;

/// <summary>The layers of a transformer by their definitions, for <see cref="LayerReferenceTests"/>.</summary>
internal static class TransformerCases
{
    private const double Epsilon = 1e-3;

    public static IEnumerable<TestCaseData> All()
    {
        foreach (var (rows, c) in new[] { (1, 1), (1, 7), (5, 2), (67, 3), (2, 33), (130, 4), (3, 67) })
            yield return Normalization(rows, c);
        foreach (var kind in Enum.GetValues<GeluKind>())
        foreach (var n in new[] { 1, 31, 263 })
            yield return Activation(n, kind);
        foreach (var (rows, c) in new[] { (1, 1), (3, 5), (37, 2), (2, 67) })
            yield return Gated(rows, c);
        foreach (var (n, t, length, c) in new[] { (1, 1, 1, 1), (2, 3, 5, 7), (3, 5, 5, 2), (1, 2, 3, 67) })
            yield return Positions(n, t, length, c);
        foreach (var causal in new[] { false, true })
        {
            yield return Attention(2, [5], [5], 6, 3, causal);
            yield return Attention(1, [3, 2], [4], 4, 2, causal); // an image's pixels and a text's tokens
            yield return Attention(2, [2], [7], 3, 1, causal);
        }
        foreach (var bias in new[] { false, true })
        {
            yield return Projection(new Shape(2, 3, 1, 4), 5, bias);
            yield return Projection(new Shape(2, 7, 3), 2, bias);
        }
    }

    private static TestCaseData Normalization(int rows, int c)
    {
        HyperDual[] Forward(HyperDual[] theta)
        {
            var (y, size) = (new HyperDual[rows * c], rows * c);
            for (var r = 0; r < rows; r++)
            {
                HyperDual mean = 0,
                    variance = 0;
                for (var i = r * c; i < (r + 1) * c; i++)
                    mean += theta[i] / c;
                for (var i = r * c; i < (r + 1) * c; i++)
                    variance += (theta[i] - mean) * (theta[i] - mean) / c;
                for (var i = r * c; i < (r + 1) * c; i++)
                    y[i] = (theta[size + (i % c)] * ((theta[i] - mean) / Sqrt(variance + Epsilon))) + theta[size + c + (i % c)];
            }

            return y;
        }

        return Of($"layer norm {rows}x{c}", () => new LayerNorm("norm", c, Epsilon), Forward, new Shape(rows, c));
    }

    private static TestCaseData Activation(int n, GeluKind kind)
    {
        HyperDual F(HyperDual x) => kind == GeluKind.Exact ? x * NormalCdf(x) : x / (1 + Exp(-1.702 * x));
        return Of($"{kind} gelu {n}", () => new Gelu("gelu", kind), theta => [.. theta.Select(F)], new Shape(1, n));
    }

    private static TestCaseData Gated(int rows, int c)
    {
        HyperDual[] Forward(HyperDual[] theta) =>
            [
                .. Enumerable
                    .Range(0, rows * c)
                    .Select(i => (Value: theta[(i / c * 2 * c) + (i % c)], Gate: theta[(i / c * 2 * c) + c + (i % c)]))
                    .Select(x => x.Value * (x.Gate * NormalCdf(x.Gate))),
            ];
        return Of($"geglu {rows}x{c}", () => new Geglu("geglu"), Forward, new Shape(1, rows, 2 * c));
    }

    private static TestCaseData Positions(int n, int t, int length, int c)
    {
        HyperDual[] Forward(HyperDual[] theta) =>
            [.. Enumerable.Range(0, n * t * c).Select(i => theta[i] + theta[(n * t * c) + (i % (t * c))])];
        var layer = () => new PositionEmbedding("positions", length, c);
        return Of($"positions {n}x{t}x{c} of {length}", layer, Forward, new Shape(n, t, c));
    }

    private static TestCaseData Attention(int n, int[] queries, int[] keys, int c, int heads, bool causal)
    {
        Shape q = new([n, .. queries, c]),
            k = new([n, .. keys, c]);
        var (l, m, width) = (q.Count / n / c, k.Count / n / c, c / heads);
        HyperDual[] Forward(HyperDual[] theta)
        {
            var y = new HyperDual[q.Count];
            for (var row = 0; row < n * l; row++)
            for (var h = 0; h < heads; h++)
            {
                int At(int part, int j, int d) => part + (((row / l * m) + j) * c) + (h * width) + d;
                HyperDual sum = 0;
                var o = new HyperDual[width];
                for (var j = 0; j < (causal ? Math.Min(m, (row % l) + 1) : m); j++)
                {
                    HyperDual score = 0;
                    for (var d = 0; d < width; d++)
                        score += theta[(row * c) + (h * width) + d] * theta[At(q.Count, j, d)] / Math.Sqrt(width);
                    sum += Exp(score);
                    for (var d = 0; d < width; d++)
                        o[d] += Exp(score) * theta[At(q.Count + k.Count, j, d)];
                }

                for (var d = 0; d < width; d++)
                    y[(row * c) + (h * width) + d] = o[d] / sum;
            }

            return y;
        }

        var name = $"{(causal ? "causal " : "")}attention {q} {k} {heads}";
        return Of(name, () => new Attention("attention", heads, causal), Forward, q, k, k);
    }

    private static TestCaseData Projection(Shape x, int to, bool bias)
    {
        var from = x.Innermost;
        HyperDual[] Forward(HyperDual[] theta)
        {
            var y = new HyperDual[x.Rows * to];
            for (var i = 0; i < y.Length; i++)
            {
                y[i] = bias ? theta[x.Count + (to * from) + (i % to)] : 0;
                for (var j = 0; j < from; j++)
                    y[i] += theta[(i / to * from) + j] * theta[x.Count + (i % to * from) + j];
            }

            return y;
        }

        return Of($"linear {x} to {to}{(bias ? " with bias" : "")}", () => new Linear("linear", from, to, bias), Forward, x);
    }

    private static TestCaseData Of(string name, Func<Layer> layer, Func<HyperDual[], HyperDual[]> forward, params Shape[] inputs) =>
        LayerReferenceTests.Named(new LayerReferenceTests.Case(name, layer, inputs, forward));
}

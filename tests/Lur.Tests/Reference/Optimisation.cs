namespace Lur.Tests.Reference;

/// <summary>What sgd.cu and lur.cu compute, element by element in float64, written from the formulas.</summary>
public static class Optimisation
{
    public sealed record Options(double Rate, double Momentum = 0, double Decay = 0, bool Nesterov = false);

    /// <summary>One step of SGD in place (torch.optim.SGD); <paramref name="buffer"/> null is momentum 0.</summary>
    public static void Sgd(double[] theta, double[]? buffer, double[] g, byte[]? mask, Options o)
    {
        for (var i = 0; i < theta.Length; i++)
        {
            if (mask != null && mask[i] == 0)
                continue;
            var d = g[i] + (o.Decay * theta[i]);
            if (buffer != null)
            {
                buffer[i] = (o.Momentum * buffer[i]) + d;
                d = o.Nesterov ? d + (o.Momentum * buffer[i]) : buffer[i];
            }
            theta[i] -= o.Rate * d;
        }
    }

    /// <summary>G = w_r g + w_u (v - alpha h); v or h null count as zeros.</summary>
    public static double[] MetaGradient(double[] g, double[]? v, double[]? h, double retain, double forget, double alpha) =>
        [.. g.Select((x, i) => (retain * x) + (forget * ((v?[i] ?? 0) - (alpha * (h?[i] ?? 0)))))];

    /// <summary>The k-th smallest element, k from 1.</summary>
    public static double KthSmallest(IEnumerable<double> x, int k) => x.Order().ElementAt(k - 1);
}

namespace Lur.Tests.Reference;

/// <summary>What adam.cu computes, element by element in float64, written from the papers' formulas.</summary>
public sealed class AdamReference(double[] start, AdamReference.Options options)
{
    public sealed record Options(double Rate, double Beta1, double Beta2, double Epsilon, double Decay = 0, bool Decoupled = false)
    {
        /// <summary>From the numbers of a golden case.</summary>
        public static Options Of(double[] o) => new(o[0], o[1], o[2], o[3], o[4], o[5] != 0);
    }

    /// <summary>Of the next step: a schedule changes rate and beta 1.</summary>
    public Options Numbers { get; set; } = options;

    public double[] Theta { get; } = (double[])start.Clone();

    public double[] M { get; } = new double[start.Length];

    public double[] V { get; } = new double[start.Length];

    public int Steps { get; private set; }

    public void Step(double[] gradient, byte[]? mask = null)
    {
        Steps++;
        for (var i = 0; i < Theta.Length; i++)
        {
            if (mask?[i] == 0)
                continue;
            var g = gradient[i];
            if (Numbers.Decoupled)
                Theta[i] -= Numbers.Rate * Numbers.Decay * Theta[i];
            else
                g += Numbers.Decay * Theta[i];
            M[i] = (Numbers.Beta1 * M[i]) + ((1 - Numbers.Beta1) * g);
            V[i] = (Numbers.Beta2 * V[i]) + ((1 - Numbers.Beta2) * g * g);
            var mean = M[i] / (1 - Math.Pow(Numbers.Beta1, Steps));
            var square = V[i] / (1 - Math.Pow(Numbers.Beta2, Steps));
            Theta[i] -= Numbers.Rate * mean / (Math.Sqrt(square) + Numbers.Epsilon);
        }
    }
}

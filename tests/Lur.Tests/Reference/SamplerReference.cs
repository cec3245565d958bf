namespace Lur.Tests.Reference;

/// <summary>What a test says of a schedule and a sampler, in the words of a scheduler's file.</summary>
internal sealed record SamplerSettings(
    string Class,
    int Steps,
    double Eta = 0,
    int T = 1000,
    string Betas = "linear",
    double Start = 1e-4,
    double End = 0.02,
    string Prediction = "epsilon",
    string Variance = "fixed_small",
    bool Clip = true,
    double Range = 1,
    bool AlphaToOne = true,
    string Solver = "midpoint",
    bool LowerOrderFinal = true,
    bool EndsAtZero = true
);

/// <summary>DDPM, DDIM and DPM-Solver++ (2M) a step at a time, straight from their formulas and in double: no table of factors.</summary>
internal sealed class SamplerReference
{
    private readonly SamplerSettings _s;
    private readonly int[] _timesteps;
    private double[]? _x0Before;

    public SamplerReference(SamplerSettings settings, int[] timesteps)
    {
        (_s, _timesteps, Alphas) = (settings, timesteps, new double[settings.T]);
        var product = 1.0;
        for (var t = 0; t < settings.T; t++)
            Alphas[t] = product *= 1 - Beta(t);
    }

    /// <summary>Products of 1 - beta.</summary>
    public double[] Alphas { get; }

    /// <summary>The x0 that the last step inferred.</summary>
    public double[] Sample => _x0Before!;

    /// <summary>x after step i.</summary>
    public double[] Step(int i, double[] x, double[] m, double[] z)
    {
        var x0 = new double[x.Length];
        var next = new double[x.Length];
        for (var j = 0; j < x.Length; j++)
        {
            var (sample, noise) = Infer(Alphas[_timesteps[i]], x[j], m[j]);
            x0[j] = _s.Class != "DPMSolverMultistepScheduler" && _s.Clip ? Math.Clamp(sample, -_s.Range, _s.Range) : sample;
            next[j] = _s.Class switch
            {
                "DDPMScheduler" => Ddpm(_timesteps[i], x[j], x0[j], z[j]),
                "DDIMScheduler" => Ddim(_timesteps[i], x0[j], noise, z[j]),
                _ => Solver(i, x[j], x0[j], _x0Before?[j] ?? 0),
            };
        }

        _x0Before = x0;
        return next;
    }

    private double Beta(int t)
    {
        var share = _s.T == 1 ? 0 : t / (_s.T - 1.0);
        switch (_s.Betas)
        {
            case "linear":
                return (_s.Start * (1 - share)) + (_s.End * share);
            case "scaled_linear":
                return Math.Pow((Math.Sqrt(_s.Start) * (1 - share)) + (Math.Sqrt(_s.End) * share), 2);
            default:
                double F(double u) => Math.Pow(Math.Cos((u + 0.008) / 1.008 * Math.PI / 2), 2);
                return Math.Min(0.999, 1 - (F((t + 1.0) / _s.T) / F((double)t / _s.T)));
        }
    }

    private (double X0, double E) Infer(double a, double x, double m) =>
        _s.Prediction switch
        {
            "epsilon" => ((x - (Math.Sqrt(1 - a) * m)) / Math.Sqrt(a), m),
            "sample" => (m, (x - (Math.Sqrt(a) * m)) / Math.Sqrt(1 - a)),
            _ => ((Math.Sqrt(a) * x) - (Math.Sqrt(1 - a) * m), (Math.Sqrt(a) * m) + (Math.Sqrt(1 - a) * x)),
        };

    private double Next(int t, double last)
    {
        var before = t - (_s.T / _s.Steps);
        return before >= 0 ? Alphas[before] : last;
    }

    private double Ddpm(int t, double x, double x0, double z)
    {
        var (a, next) = (Alphas[t], Next(t, 1));
        var beta = 1 - (a / next);
        var mean = (Math.Sqrt(next) * beta / (1 - a) * x0) + (Math.Sqrt(1 - beta) * (1 - next) / (1 - a) * x);
        if (t == 0)
            return mean;
        return mean + (Math.Sqrt(_s.Variance == "fixed_large" ? beta : Math.Max(1e-20, (1 - next) / (1 - a) * beta)) * z);
    }

    private double Ddim(int t, double x0, double e, double z)
    {
        var (a, next) = (Alphas[t], Next(t, _s.AlphaToOne ? 1 : Alphas[0]));
        var deviation = _s.Eta * Math.Sqrt(Math.Max(0, (1 - next) / (1 - a) * (1 - (a / next))));
        return (Math.Sqrt(next) * x0) + (Math.Sqrt(Math.Max(0, 1 - next - (deviation * deviation))) * e) + (deviation * z);
    }

    private double Solver(int i, double x, double x0, double x0Before)
    {
        var last = i == _timesteps.Length - 1;
        var (s0, a0) = Point(_timesteps[i]);
        if (last && _s.EndsAtZero)
            return x0; // S' = 0, A' = 1, exp(-h) = 0
        var (s1, a1) = Point(last ? 0 : _timesteps[i + 1]);
        double Lambda(double s, double a) => Math.Log(a) - Math.Log(s);
        var h = Lambda(s1, a1) - Lambda(s0, a0);
        var first = (s1 / s0 * x) - (a1 * (Math.Exp(-h) - 1) * x0);
        if (i == 0 || (last && _s.LowerOrderFinal && _timesteps.Length < 15))
            return first;
        var (s, a) = Point(_timesteps[i - 1]);
        var d = (x0 - x0Before) / ((Lambda(s0, a0) - Lambda(s, a)) / h);
        return _s.Solver == "midpoint" ? first - (0.5 * a1 * (Math.Exp(-h) - 1) * d) : first + (a1 * (((Math.Exp(-h) - 1) / h) + 1) * d);
    }

    private (double S, double A) Point(int t)
    {
        var sigma = Math.Sqrt((1 - Alphas[t]) / Alphas[t]);
        var a = 1 / Math.Sqrt((sigma * sigma) + 1);
        return (sigma * a, a);
    }
}

using System.Globalization;

namespace Lur.Optimizers;

/// <summary>Learning rate as a function of the step.</summary>
public abstract record LearningRateSchedule
{
    /// <summary>Factor on the base rate at step <paramref name="index"/> of <paramref name="steps"/>.</summary>
    public abstract double Factor(long index, long steps);

    /// <summary>Momentum at step <paramref name="index"/> of <paramref name="steps"/>, given that of the options.</summary>
    public virtual double Momentum(long index, long steps, double momentum) => momentum;

    /// <summary>Reads <c>constant</c>, <c>cosine</c>, <c>onecycle</c>, <c>multistep:91,136/182</c> or
    /// <c>multistep:0.5,0.75</c> (fractions of the run), each after <c>warmup:500+</c> (steps) or <c>warmup:0.05+</c> (share of the
    /// run) where the rate is to rise first.</summary>
    /// <exception cref="UserErrorException">The text names no schedule.</exception>
    public static LearningRateSchedule Parse(string text)
    {
        switch (text)
        {
            case "constant":
                return new ConstantSchedule();
            case "cosine":
                return new CosineSchedule();
            case "onecycle":
                return new OneCycleSchedule();
        }

        if (ParseWarmUp(text) is { } warmUp)
            return warmUp;
        if (text.StartsWith("multistep:", StringComparison.Ordinal))
        {
            var body = text["multistep:".Length..].Split('/');
            var scale =
                body.Length == 2 && double.TryParse(body[1], NumberStyles.Float, CultureInfo.InvariantCulture, out var total) ? total : 1;
            var marks = new List<double>();
            foreach (var part in body[0].Split(','))
            {
                if (!double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out var mark))
                    break;
                marks.Add(mark / scale);
            }

            if (body.Length <= 2 && marks.Count == body[0].Split(',').Length && marks.TrueForAll(m => m is > 0 and < 1))
                return new MultiStepSchedule(marks, 0.1);
        }

        throw new UserErrorException(
            $"Schedule '{text}' is not known: use constant, cosine, onecycle or multistep:91,136/182 (epochs of the total, or fractions), "
                + "after warmup:500+ (steps) or warmup:0.05+ (share of the run) to let the rate rise first."
        );
    }

    private static WarmUpSchedule? ParseWarmUp(string text)
    {
        const string word = "warmup:";
        var plus = text.IndexOf('+', StringComparison.Ordinal);
        if (plus < 0 || !text.StartsWith(word, StringComparison.Ordinal))
            return null;
        var readable = double.TryParse(
            text.AsSpan(word.Length, plus - word.Length),
            NumberStyles.Float,
            CultureInfo.InvariantCulture,
            out var length
        );
        return readable && length > 0 && (length < 1 || (double.IsInteger(length) && length <= int.MaxValue))
            ? new WarmUpSchedule(length, Parse(text[(plus + 1)..]))
            : null;
    }
}

/// <summary>Always the base rate.</summary>
public sealed record ConstantSchedule : LearningRateSchedule
{
    /// <inheritdoc/>
    public override double Factor(long index, long steps) => 1;
}

/// <summary>The rate rises linearly from 0, then another schedule has the rest of the run (the warm-up of diffusers'
/// <c>get_scheduler</c>).</summary>
/// <param name="Length">Steps of the rise; below 1 a share of the run.</param>
/// <param name="After">The schedule that follows, as of a run that is shorter by the rise.</param>
public sealed record WarmUpSchedule(double Length, LearningRateSchedule After) : LearningRateSchedule
{
    /// <inheritdoc/>
    public override double Factor(long index, long steps)
    {
        var rise = Rise(steps);
        return index < rise ? (double)index / rise : After.Factor(index - rise, steps - rise);
    }

    /// <inheritdoc/>
    public override double Momentum(long index, long steps, double momentum)
    {
        var rise = Rise(steps);
        return After.Momentum(Math.Max(0, index - rise), steps - rise, momentum);
    }

    private long Rise(long steps) => Math.Min(steps, (long)Math.Round(Length < 1 ? Length * steps : Length));
}

/// <summary>Half a cosine from the base rate to zero (Loshchilov and Hutter, ICLR 2017, without restarts).</summary>
public sealed record CosineSchedule : LearningRateSchedule
{
    /// <inheritdoc/>
    public override double Factor(long index, long steps) => 0.5 * (1 + Math.Cos(Math.PI * index / Math.Max(1, steps)));
}

/// <summary>Multiplies the rate by <see cref="Gamma"/> at each mark.</summary>
/// <param name="Marks">Fractions of the run.</param>
/// <param name="Gamma">Factor per mark.</param>
public sealed record MultiStepSchedule(IReadOnlyList<double> Marks, double Gamma) : LearningRateSchedule
{
    /// <inheritdoc/>
    public override double Factor(long index, long steps) => Math.Pow(Gamma, Marks.Count(m => index >= m * steps));
}

/// <summary>One cycle (Smith and Topin 2018) with torch's defaults: cosine from 1/25 to 1 over the first 30 % of the run,
/// then cosine to 1/250,000. Momentum goes the other way, from 0.05 above the given one to 0.05 below at the peak and back
/// (0.95, 0.85, 0.95 around 0.9, torch's default); a run without momentum has none.</summary>
/// <remarks>ResNet-18 of width 16, 20 epochs on 10,000 CIFAR-10 images, seed 1, 2,000 test images: 76.00 % with the cycle of
/// momentum, 74.95 % without.</remarks>
public sealed record OneCycleSchedule : LearningRateSchedule
{
    private const double MomentumSwing = 0.05,
        LargestMomentum = 0.99;

    /// <inheritdoc/>
    public override double Factor(long index, long steps) => Interpolate(index, steps, 1.0 / 25, 1, 1.0 / 25 / 1e4);

    /// <inheritdoc/>
    public override double Momentum(long index, long steps, double momentum)
    {
        if (momentum == 0)
            return 0;
        var high = Math.Min(LargestMomentum, momentum + MomentumSwing);
        return Interpolate(index, steps, high, Math.Max(0, momentum - MomentumSwing), high);
    }

    private static double Interpolate(long index, long steps, double start, double middle, double end)
    {
        double peak = 0.3 * steps - 1,
            last = steps - 1;
        return index <= peak
            ? Anneal(start, middle, index / Math.Max(1, peak))
            : Anneal(middle, end, (index - peak) / Math.Max(1, last - peak));
    }

    private static double Anneal(double from, double to, double t) => to + (from - to) / 2 * (1 + Math.Cos(Math.PI * Math.Min(1, t)));
}

using Lur.Device;
using Lur.Tensors;
using Shape = Lur.Programs.Shape;

namespace Lur.Tasks.Diffusion;

/// <summary>Records what a training step of a diffusion model draws and makes of its batch. A draw is a function of the seed, the
/// purpose (the stream, which the name gives) and the sample's number: state is ulong [2], the seed and the number of the first
/// sample, as <see cref="BatchStage"/> has them.</summary>
public static class DiffusionDraws
{
    // The block of a row's quad is its sample's number times 2^24.
    private const int LargestRow = 1 << 26;

    /// <summary>A time step for each row, int [rows], uniform in 0 .. T - 1.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names; also names the stream.</param>
    /// <param name="rows">Batch size.</param>
    /// <param name="count">T.</param>
    /// <param name="antithetic">True to draw the first rows / 2 + 1 alone; the others are T - 1 - t of the first ones, in their
    /// order.</param>
    /// <param name="state">Seed and number of the first sample.</param>
    public static Value Timesteps(Program program, string name, int rows, int count, bool antithetic, Operand<ulong> state)
    {
        var t = program.Raw($"{name}/timesteps", ValueRole.Input, new Shape(rows), sizeof(int));
        var stream = RandomStream.StreamOf($"{name}/timesteps");
        program.Launch.Diffuse.DrawTimesteps(program.Device.Elements(rows), t, state, stream, rows, count, antithetic ? 1 : 0);
        return t;
    }

    /// <summary>Standard normal numbers, real of a shape whose first extent is the rows.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names; also names the stream.</param>
    /// <param name="shape">Shape.</param>
    /// <param name="state">Seed and number of the first sample.</param>
    /// <param name="step">ulong; other numbers for the same samples at each of its values. Null: 0.</param>
    /// <exception cref="ArgumentException">A row has more than 2^26 elements.</exception>
    public static Value Noise(Program program, string name, Shape shape, Operand<ulong> state, Operand<ulong> step = default)
    {
        var noise = program.Real($"{name}/noise", ValueRole.Input, shape);
        NoiseInto(program, noise, shape, RandomStream.StreamOf($"{name}/noise"), state, step);
        return noise;
    }

    /// <summary>Uniform numbers in [-1, 1), real of a shape whose first extent is the rows: images of nothing.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names; also names the stream.</param>
    /// <param name="shape">Shape.</param>
    /// <param name="state">Seed and number of the first sample.</param>
    public static Value Surrogate(Program program, string name, Shape shape, Operand<ulong> state)
    {
        var x = program.Real($"{name}/surrogate", ValueRole.Input, shape);
        var (rows, length, stream) = (shape[0], shape.Count / shape[0], RandomStream.StreamOf($"{name}/surrogate"));
        program.Launch.Random.RandomUniformRows(program.Device.Rows(rows, (length + 3) / 4), x, state, rows, length, stream, -1, 1);
        return x;
    }

    /// <summary>Other classes for the labels of a batch, int [N]. A label below 0 stays.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names.</param>
    /// <param name="labels">Labels, int [N].</param>
    /// <param name="table">The class that each label becomes.</param>
    public static Value MapClasses(Program program, string name, Value labels, ReadOnlySpan<int> table)
    {
        var map = program.Input<int>($"{name}/class-map", new Shape(table.Length));
        table.CopyTo(map.Span);
        var y = program.Raw($"{name}/classes", ValueRole.Input, labels.Shape, sizeof(int));
        var n = labels.Shape.Count;
        program.Launch.Diffuse.MapClasses(program.Device.Elements(n), y, labels, map.Device, n);
        return y;
    }

    /// <summary>The labels of a batch, int [N], each replaced by the null condition's row with a probability, so that one network
    /// learns both (Ho, Salimans 2022). A label below 0 stays.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names; also names the stream.</param>
    /// <param name="labels">Labels, int [N].</param>
    /// <param name="nullRow">Row of the embedding that stands for no condition.</param>
    /// <param name="probability">Probability, 0 to 1.</param>
    /// <param name="state">Seed and number of the first sample.</param>
    /// <param name="dropped">Grows by the number of labels replaced; null: not counted.</param>
    public static Value DropConditions(
        Program program,
        string name,
        Value labels,
        int nullRow,
        double probability,
        Operand<ulong> state,
        Operand<double> dropped = default
    )
    {
        if (!(probability >= 0 && probability <= 1))
            throw new ArgumentOutOfRangeException(nameof(probability), probability, "A probability is from 0 to 1.");
        var y = program.Raw($"{name}/conditions", ValueRole.Input, labels.Shape, sizeof(int));
        program.Launch.Diffuse.DropCondition(
            program.Device.Blocks(1),
            y,
            dropped,
            labels,
            state,
            RandomStream.StreamOf($"{name}/drop"),
            labels.Shape.Count,
            nullRow,
            probability
        );
        return y;
    }

    /// <summary>x_t = sqrt(ab_t) x0 + sqrt(1 - ab_t) e with each row's own t, and what a network is to predict from it.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names.</param>
    /// <param name="schedule">ab.</param>
    /// <param name="prediction">What the network predicts.</param>
    /// <param name="clean">x0, real [N, H, W, C].</param>
    /// <param name="noise">e, real of the same shape.</param>
    /// <param name="timesteps">t, int [N], each below T.</param>
    /// <returns>x_t, and the target: e or x0 themselves, or the velocity.</returns>
    public static (Value Noised, Value Target) AddNoise(
        Program program,
        string name,
        NoiseSchedule schedule,
        PredictionType prediction,
        Value clean,
        Value noise,
        Value timesteps
    )
    {
        var rows = timesteps.Shape.Count;
        if (noise.Shape != clean.Shape || clean.Shape[0] != rows)
            throw new ArgumentException(
                $"Samples {clean.Shape}, noise {noise.Shape} and time steps {timesteps.Shape} of '{name}' do not fit."
            );
        var length = clean.Shape.Count / rows;
        var pairs = program.Constant($"{name}/alphas", schedule.Pairs());
        var noised = program.Real($"{name}/noised", ValueRole.Input, clean.Shape);
        var velocity = prediction == PredictionType.VPrediction ? program.Real($"{name}/velocity", ValueRole.Input, clean.Shape) : null;
        program.Launch.Diffuse.DiffuseForward(
            LongRows.Shape(program.Device, rows, length),
            noised,
            velocity,
            clean,
            noise,
            timesteps,
            pairs,
            rows,
            length
        );
        return (noised, velocity ?? (prediction == PredictionType.Epsilon ? noise : clean));
    }

    internal static void NoiseInto(
        Program program,
        Operand<Real> target,
        Shape shape,
        ulong stream,
        Operand<ulong> state,
        Operand<ulong> step = default
    )
    {
        var (rows, length) = (shape[0], shape.Count / shape[0]);
        if (length > LargestRow)
            throw new ArgumentException($"A sample has at most {LargestRow} numbers to draw; this one has {length}.", nameof(shape));
        program.Launch.Random.RandomNormalRows(
            LongRows.Shape(program.Device, rows, (length + 3) / 4),
            target,
            state,
            step,
            rows,
            length,
            stream
        );
    }
}

using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Steps;

namespace Lur.Tasks.Diffusion;

/// <summary>Noisy images that were computed, or taken from another batch.</summary>
/// <param name="Batch">Rows.</param>
/// <param name="Noisy">x_t, real [N, H, W, C].</param>
/// <param name="Times">int [N].</param>
/// <param name="Classes">int [N], or null.</param>
/// <param name="Target">What to predict, real.</param>
public sealed record NoisyRows(int Batch, Value Noisy, Value Times, Value? Classes, Value Target) : INoisyBatch
{
    /// <inheritdoc/>
    public RandomSource? Random { get; init; }

    /// <inheritdoc/>
    public Value? Context { get; init; }

    /// <inheritdoc/>
    public IReadOnlyList<(string Name, Value Value)> Inputs => InputsOf(this);

    /// <inheritdoc/>
    public IBatch Part(Program program, string name, int start, int rows) => PartOf(this, program, name, start, rows);

    /// <summary>What a UNet is given of a batch.</summary>
    /// <param name="batch">The batch.</param>
    public static IReadOnlyList<(string Name, Value Value)> InputsOf(INoisyBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var (images, times) = ((NetworkInput.Images, batch.Noisy), (UNetInputs.Time, batch.Times));
        return batch.Classes is { } classes ? [images, times, (UNetInputs.Class, classes)]
            : batch.Context is { } context ? [images, times, (UNetInputs.Context, context)]
            : [images, times];
    }

    /// <summary>Records copies of some rows of a batch.</summary>
    /// <param name="whole">The batch.</param>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names.</param>
    /// <param name="start">First row.</param>
    /// <param name="rows">How many.</param>
    public static NoisyRows PartOf(INoisyBatch whole, Program program, string name, int start, int rows)
    {
        ArgumentNullException.ThrowIfNull(whole);
        Value Real(Value from, string what)
        {
            var (size, row) = (program.Precision.Size(), from.Shape.Count / from.Shape[0]);
            var to = program.Real(
                $"{name}/{what}",
                ValueRole.Input,
                from.Shape.Rank == 3
                    ? new Shape(rows, from.Shape[1], from.Shape[2])
                    : new Shape(rows, from.Shape[1], from.Shape[2], from.Shape[3])
            );
            program.Copy<Real>(to, ((Operand<Real>)from).At((long)start * row, size), (long)rows * row * size);
            return to;
        }

        Value Ids(Value from, string what)
        {
            var to = program.Raw($"{name}/{what}", ValueRole.Input, new Shape(rows), sizeof(int));
            program.Copy(to, from.At<int>(start), (long)rows * sizeof(int));
            return to;
        }

        return new NoisyRows(
            rows,
            Real(whole.Noisy, "noisy"),
            Ids(whole.Times, "times"),
            whole.Classes is { } classes ? Ids(classes, "classes") : null,
            Real(whole.Target, "target")
        )
        {
            Context = whole.Context is { } context ? Real(context, "context") : null,
            Random = whole.Random is { } random ? random with { First = random.First + start } : null,
        };
    }
}

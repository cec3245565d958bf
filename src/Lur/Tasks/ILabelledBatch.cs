using Lur.Device;
using Lur.Layers;
using Lur.Steps;

namespace Lur.Tasks;

/// <summary>Images with a label each, on the device.</summary>
public interface ILabelledBatch : IBatch
{
    /// <summary>Normalised images, real [N, H, W, C].</summary>
    Value Input { get; }

    /// <summary>Labels, int [N].</summary>
    Value DeviceLabels { get; }
}

/// <summary>Images and labels that were computed, or taken from another batch.</summary>
/// <param name="Batch">Rows.</param>
/// <param name="Input">Normalised images, real [N, H, W, C].</param>
/// <param name="DeviceLabels">Labels, int [N].</param>
public sealed record LabelledBatch(int Batch, Value Input, Value DeviceLabels) : ILabelledBatch
{
    /// <inheritdoc/>
    public IReadOnlyList<(string Name, Value Value)> Inputs => [(NetworkInput.Images, Input)];

    /// <inheritdoc/>
    public IBatch Part(Program program, string name, int start, int rows) => PartOf(this, program, name, start, rows);

    /// <summary>Records copies of some rows of a batch.</summary>
    /// <param name="whole">The batch.</param>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names.</param>
    /// <param name="start">First row.</param>
    /// <param name="rows">How many.</param>
    public static LabelledBatch PartOf(ILabelledBatch whole, Program program, string name, int start, int rows)
    {
        var images = whole.Input.Shape;
        var input = program.Real($"{name}/images", ValueRole.Input, new Shape(rows, images[1], images[2], images[3]));
        var labels = program.Raw($"{name}/labels", ValueRole.Input, new Shape(rows), sizeof(int));
        var (row, size) = (images.Count / images[0], program.Precision.Size());
        program.Copy<Real>(input, ((Operand<Real>)whole.Input).At((long)start * row, size), (long)rows * row * size);
        program.Copy(labels, whole.DeviceLabels.At<int>(start), (long)rows * sizeof(int));
        return new LabelledBatch(rows, input, labels);
    }
}

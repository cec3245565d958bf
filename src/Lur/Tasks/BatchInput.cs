using Lur.Layers;
using Lur.Steps;

namespace Lur.Tasks;

/// <summary>The input of a network pass that the host fills; its page-locked memory is the program's.</summary>
public abstract class BatchInput : ILabelledBatch
{
    private readonly RunInput<int> _labels;

    /// <summary>Declares the labels.</summary>
    private protected BatchInput(Program program, string name, int batch)
    {
        Batch = batch;
        _labels = program.Input<int>($"{name}/labels", new Shape(batch));
    }

    /// <summary>Batch size.</summary>
    public int Batch { get; }

    /// <summary>Labels of the next run, [N]; -1 leaves a row out of loss and counts.</summary>
    public Span<int> Labels => _labels.Span;

    /// <summary>Labels on the device, int [N].</summary>
    public Value DeviceLabels => _labels.Device;

    /// <summary>Normalised images on the device, [N, H, W, C].</summary>
    public abstract Value Input { get; }

    /// <inheritdoc/>
    public virtual IReadOnlyList<(string Name, Value Value)> Inputs => [(NetworkInput.Images, Input)];

    /// <inheritdoc/>
    public virtual IBatch Part(Program program, string name, int start, int rows) => LabelledBatch.PartOf(this, program, name, start, rows);
}

/// <summary>A batch given as numbers, already normalised, for gradient checks: no augmentation, no rounding to bytes.</summary>
public sealed class TensorBatch : BatchInput
{
    private readonly RealInput _images;

    /// <summary>Declares the images and emits their upload.</summary>
    public TensorBatch(Program program, string name, int batch, Network network)
        : base(program, name, batch) =>
        _images = new RealInput(program, $"{name}/images", new Shape(batch, network.Height, network.Width, network.Channels));

    /// <inheritdoc/>
    public override Value Input => _images.Device;

    /// <summary>Sets images [N, H, W, C] and labels [N] for the next run.</summary>
    public void Set(ReadOnlySpan<double> images, ReadOnlySpan<int> labels)
    {
        if (images.Length != Input.Shape.Count || labels.Length != Batch)
        {
            throw new ArgumentException(
                $"The batch takes {Input.Shape.Count} numbers and {Batch} labels; {images.Length} and {labels.Length} were given.",
                nameof(images)
            );
        }

        labels.CopyTo(Labels);
        _images.Set(images);
    }
}

using Lur.Device;
using Lur.Models;
using Lur.Tensors;
using Shape = Lur.Programs.Shape;

namespace Lur.Tasks.Classification;

/// <summary>A batch of images that is normalised and, in training, cropped and mirrored at random on the device
/// (<c>kernels/inputs/augment.cu</c>).</summary>
public sealed class ClassificationBatch : BatchStage
{
    /// <summary>Declares the buffers and emits upload and augmentation.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names; also names the random stream.</param>
    /// <param name="batch">Batch size.</param>
    /// <param name="model">Gives image size, normalisation, and what augmentation is.</param>
    /// <param name="augment">False for images as they are: evaluation.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <param name="fed">False where no feed will fill it: one batch on the device in place of two.</param>
    public ClassificationBatch(Program program, string name, int batch, Model model, bool augment, ulong seed, bool fed = true)
        : base(program, name, batch, model, seed, fed)
    {
        var (device, network) = (program.Device, model.Network);
        var (c, h, w) = (network.Channels, network.Height, network.Width);
        var statistics = Statistics(program, name, model.Normalization, c);
        Input = program.Real($"{name}/images", ValueRole.Input, new Shape(batch, h, w, c));
        var kernels = program.Launch.Augment;
        var shape = device.Rows((long)batch * h, w);
        var augmentation = augment ? model.Augmentation : Augmentation.None;
        var (padding, flip) = (augmentation.PaddingOf(h, w), augmentation.Flip ? 1 : 0);
        var stream = RandomStream.StreamOf("augment/" + name);
        var (mean, std) = (Mean, Std) = (statistics.At<Real>(0), statistics.At<Real>(c));
        kernels.AugmentForward(shape, Input, Bytes, mean, std, RandomState, stream, batch, c, h, w, padding, flip);
    }

    /// <summary>Mean per channel on the device, of pixels in [0, 1].</summary>
    public Operand<Real> Mean { get; }

    /// <summary>Standard deviation per channel on the device.</summary>
    public Operand<Real> Std { get; }

    /// <inheritdoc/>
    public override Value Input { get; }

    private static Value Statistics(Program program, string name, InputNormalization normalization, int channels)
    {
        if (normalization.Mean.Count != channels || normalization.Std.Count != channels)
        {
            throw new ArgumentException(
                $"The normalisation has {normalization.Mean.Count} channels; the images have {channels}.",
                nameof(normalization)
            );
        }

        return program.Constant($"{name}/mean and deviation", [.. normalization.Mean, .. normalization.Std]);
    }
}

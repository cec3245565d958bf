using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Steps;
using Lur.Tensors;
using Shape = Lur.Programs.Shape;

namespace Lur.Training;

/// <summary>Brings one batch to the device inside a step: bytes and labels from pinned memory, then normalisation and, in
/// training, random crop and flip on the device (<c>kernels/inputs/augment.cu</c>).</summary>
/// <remarks>The host fills <see cref="Images"/> and <see cref="BatchInput.Labels"/>, sets <see cref="Counter"/>, and runs the step. It
/// may overwrite them once the device has been synchronised. The draws are a function of (seed, stream, counter + sample).</remarks>
public sealed class BatchStage : BatchInput
{
    private readonly PinnedBuffer<byte> _images;
    private readonly PinnedBuffer<ulong> _state;

    /// <summary>Declares the buffers and emits upload and augmentation.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names; also names the random stream.</param>
    /// <param name="batch">Batch size.</param>
    /// <param name="model">Gives image size, normalisation, and what augmentation is.</param>
    /// <param name="augment">False for images as they are: evaluation.</param>
    /// <param name="seed">Seed of the draws.</param>
    public BatchStage(Program program, string name, int batch, Model model, bool augment, ulong seed)
        : base(program, name, batch)
    {
        var (device, network) = (program.Device, model.Network);
        var (c, h, w) = (network.Channels, network.Height, network.Width);
        var pixels = new Shape(batch, c, h, w);
        _images = program.Pinned<byte>(pixels.Count);
        _state = program.Pinned<ulong>(2);
        _state.Span[0] = seed;
        var statistics = Statistics(program, name, model.Normalization, c);
        var bytes = program.Raw($"{name}/bytes", ValueRole.Input, pixels, 1);
        var state = program.Raw($"{name}/random-state", ValueRole.Input, new Shape(2), sizeof(ulong));
        Input = program.Real($"{name}/images", ValueRole.Input, new Shape(batch, h, w, c));
        var input = Input;
        program.Upload(bytes, _images);
        program.Upload(state, _state);

        var kernels = program.Launch.Augment;
        var shape = device.Rows((long)batch * h, w);
        var augmentation = augment ? model.Augmentation : Augmentation.None;
        var (padding, flip) = (augmentation.PaddingOf(h, w), augmentation.Flip ? 1 : 0);
        var stream = RandomStream.StreamOf("augment/" + name);
        var (mean, std) = (Mean, Std) = (statistics.At<Real>(0), statistics.At<Real>(c));
        kernels.AugmentForward(shape, input, bytes, mean, std, state, stream, batch, c, h, w, padding, flip);
    }

    /// <summary>Images to upload, [N, C, H, W] bytes.</summary>
    public Span<byte> Images => _images.Span;

    /// <summary>Puts a sample's image and label into a row.</summary>
    /// <param name="row">Row of the batch.</param>
    /// <param name="data">Data set.</param>
    /// <param name="index">Sample.</param>
    public void SetRow(int row, IImageDataset data, int index)
    {
        data.CopyImage(index, Images.Slice(row * data.SampleBytes, data.SampleBytes));
        Labels[row] = data.Label(index);
    }

    /// <summary>First sample counter of the batch; sample i draws with counter + i.</summary>
    public ulong Counter
    {
        get => _state.Span[1];
        set => _state.Span[1] = value;
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

using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Steps;
using Lur.Tensors;
using Shape = Lur.Programs.Shape;

namespace Lur.Training;

/// <summary>Brings one batch to the device inside a step: bytes and labels from pinned memory, then normalisation and, in
/// training, random crop and flip on the device (<c>kernels/inputs/augment.cu</c>).</summary>
/// <remarks>Either a <see cref="BatchFeed"/> fills it and sends the next batch while the device works, or the host fills
/// <see cref="Images"/> and <see cref="BatchInput.Labels"/>, sets <see cref="Counter"/>, and runs the step; it may overwrite the
/// images once the device has been synchronised. The draws are a function of (seed, stream, counter + sample).</remarks>
public sealed class BatchStage : BatchInput
{
    private const int Seed = 0,
        First = 1,
        Slot = 2;
    private readonly Program _program;
    private readonly InputSlots _slots;
    private readonly RunInput<ulong> _state;
    private PinnedBuffer<byte>? _own;
    private PinnedBatch? _fed;

    /// <summary>Declares the buffers and emits upload and augmentation.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names; also names the random stream.</param>
    /// <param name="batch">Batch size.</param>
    /// <param name="model">Gives image size, normalisation, and what augmentation is.</param>
    /// <param name="augment">False for images as they are: evaluation.</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <param name="fed">False where no feed will fill it: one batch on the device in place of two.</param>
    public BatchStage(Program program, string name, int batch, Model model, bool augment, ulong seed, bool fed = true)
        : base(program, name, batch)
    {
        var (device, network) = (program.Device, model.Network);
        var (c, h, w) = (network.Channels, network.Height, network.Width);
        _program = program;
        _slots = new InputSlots(program, $"{name}/bytes", new Shape(batch, c, h, w), fed ? 2 : 1);
        program.BeforeRun(SendImages);
        _state = program.Input<ulong>($"{name}/random-state", new Shape(3));
        _state.Span[Seed] = seed;
        var statistics = Statistics(program, name, model.Normalization, c);
        Input = program.Real($"{name}/images", ValueRole.Input, new Shape(batch, h, w, c));
        var input = Input;

        var kernels = program.Launch.Augment;
        var shape = device.Rows((long)batch * h, w);
        var augmentation = augment ? model.Augmentation : Augmentation.None;
        var (padding, flip) = (augmentation.PaddingOf(h, w), augmentation.Flip ? 1 : 0);
        var stream = RandomStream.StreamOf("augment/" + name);
        var (mean, std) = (Mean, Std) = (statistics.At<Real>(0), statistics.At<Real>(c));
        kernels.AugmentForward(shape, input, _slots.Device, mean, std, _state.Device, stream, batch, c, h, w, padding, flip);
    }

    /// <summary>Device that takes the batch.</summary>
    internal ComputeDevice Device => _program.Device;

    /// <summary>Images of the next run, [N, C, H, W] bytes: those of a feed, which are only read, or those to be filled.</summary>
    public Span<byte> Images => _fed is { } batch ? batch.Images : Own.Span;

    /// <summary>Puts a sample's image and label into a row.</summary>
    /// <param name="row">Row of the batch.</param>
    /// <param name="data">Data set.</param>
    /// <param name="index">Sample.</param>
    public void SetRow(int row, IImageDataset data, int index)
    {
        _fed = null;
        data.CopyImage(index, Images.Slice(row * data.SampleBytes, data.SampleBytes));
        Labels[row] = data.Label(index);
    }

    /// <summary>First sample counter of the batch; sample i draws with counter + i.</summary>
    public ulong Counter
    {
        get => _state.Span[First];
        set => _state.Span[First] = value;
    }

    /// <summary>Mean per channel on the device, of pixels in [0, 1].</summary>
    public Operand<Real> Mean { get; }

    /// <summary>Standard deviation per channel on the device.</summary>
    public Operand<Real> Std { get; }

    /// <inheritdoc/>
    public override Value Input { get; }

    /// <summary>Makes the next run read a batch of a feed.</summary>
    internal void Take(PinnedBatch batch)
    {
        _slots.Take(batch);
        _fed = batch;
    }

    /// <summary>Sends the batch that the feed will give next.</summary>
    internal void TakeAhead(PinnedBatch batch) => _slots.TakeAhead(batch);

    private PinnedBuffer<byte> Own => _own ??= _program.Pinned<byte>(Input.Shape.Count);

    private void SendImages()
    {
        _state.Span[Slot] = _slots.Offset;
        if (_fed is null)
            _slots.Upload(Own);
    }

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

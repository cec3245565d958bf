using Lur.Data;
using Lur.Device;
using Lur.Models;
using Lur.Tasks.Diffusion;
using Lur.Tensors;
using Shape = Lur.Programs.Shape;

namespace Lur.Tasks;

/// <summary>Brings one batch to the device inside a step: bytes, or float32 numbers where the samples are latents, and labels from
/// page-locked memory. What a network is given is made from them on the device, by the task.</summary>
/// <remarks>Either a <see cref="BatchFeed"/> fills it and sends the next batch while the device works, or the host fills
/// <see cref="Images"/> and <see cref="BatchInput.Labels"/>, sets <see cref="Counter"/>, and runs the step; it may overwrite the
/// images once the device has been synchronised. The draws are a function of (seed, stream, counter + sample).</remarks>
public abstract class BatchStage : BatchInput
{
    private const int Seed = 0,
        First = 1,
        Slot = 2;
    private readonly Program _program;
    private readonly InputSlots _slots;
    private readonly RunInput<ulong> _state;
    private readonly int _bytes;
    private PinnedBuffer<byte>? _own;
    private PinnedBatch? _fed;

    /// <summary>Declares the buffers and emits the upload.</summary>
    private protected BatchStage(Program program, string name, int batch, Model model, ulong seed, bool fed)
        : base(program, name, batch)
    {
        var network = model.Network;
        var shape = new Shape(batch, network.Channels, network.Height, network.Width * (model.Latents is null ? 1 : sizeof(float)));
        (_program, _bytes) = (program, shape.Count);
        _slots = new InputSlots(program, $"{name}/bytes", shape, fed ? 2 : 1);
        program.BeforeRun(SendImages);
        _state = program.Input<ulong>($"{name}/random-state", new Shape(3));
        _state.Span[Seed] = seed;
    }

    /// <summary>Device that takes the batch.</summary>
    internal ComputeDevice Device => _program.Device;

    /// <summary>Images of the next run, [N, C, H, W] bytes, or numbers of four: those of a feed, which are only read, or those to be
    /// filled.</summary>
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

    /// <summary>The slots of the bytes, one after another; the third number of <see cref="RandomState"/> is where the run's
    /// begins.</summary>
    private protected Value Bytes => _slots.Device;

    /// <summary>Seed of the draws, number of the first sample, first byte of the slot: ulong [3].</summary>
    private protected Value RandomState => _state.Device;

    /// <summary>Makes the next run read a batch of a feed.</summary>
    internal void Take(PinnedBatch batch)
    {
        _slots.Take(batch);
        _fed = batch;
    }

    /// <summary>Sends the batch that the feed will give next.</summary>
    internal void TakeAhead(PinnedBatch batch) => _slots.TakeAhead(batch);

    private PinnedBuffer<byte> Own => _own ??= _program.Pinned<byte>(_bytes);

    /// <summary>Records what makes images of the bytes: latents as they are (<c>kernels/inputs/latents.cu</c>), pixels normalised and, in
    /// training, cropped and mirrored at random (<c>kernels/inputs/augment.cu</c>).</summary>
    /// <param name="name">Prefix of buffer names; also names the random stream.</param>
    /// <param name="model">Gives image size, normalisation, and what augmentation is.</param>
    /// <param name="augment">False for images as they are.</param>
    /// <param name="grain">Largest deviation of Gaussian noise on images in [-1, 1] (<c>kernels/inputs/grain.cu</c>); 0 for none.</param>
    private protected BatchImages EmitImages(string name, Model model, bool augment, double grain = 0)
    {
        var network = model.Network;
        var (c, h, w) = (network.Channels, network.Height, network.Width);
        if (model.Latents is not null)
            return EmitLatents(name, new Shape(Batch, h, w, c));
        var statistics = Statistics(name, model.Normalization, c);
        var images = _program.Real($"{name}/images", ValueRole.Input, new Shape(Batch, h, w, c));
        var augmentation = augment ? model.Augmentation : Augmentation.None;
        var (padding, flip) = (augmentation.PaddingOf(h, w), augmentation.Flip ? 1 : 0);
        var stream = RandomStream.StreamOf("augment/" + name);
        var (mean, std) = (statistics.At<Real>(0), statistics.At<Real>(c));
        var shape = _program.Device.Rows((long)Batch * h, w);
        _program.Launch.Augment.AugmentForward(shape, images, Bytes, mean, std, RandomState, stream, Batch, c, h, w, padding, flip);
        if (grain > 0)
            EmitGrain($"{name}/grain", images, (mean, std), grain);
        return new BatchImages(images, mean, std);
    }

    private BatchImages EmitLatents(string name, Shape shape)
    {
        var (n, h, w, c) = (shape[0], shape[1], shape[2], shape[3]);
        var latents = _program.Real($"{name}/latents", ValueRole.Input, shape);
        _program.Launch.Latents.LatentsForward(_program.Device.Rows((long)n * h, w), latents, Bytes, RandomState, n, c, h, w);
        return new BatchImages(latents, default, default);
    }

    private void EmitGrain(string name, Value images, (Operand<Real> Mean, Operand<Real> Std) statistics, double largest)
    {
        var (row, channels, state) = (images.Shape.Count / Batch, images.Shape[3], RandomState.At<ulong>(0));
        var noise = DiffusionDraws.Noise(_program, name, images.Shape, state);
        var stream = RandomStream.StreamOf($"{name}/deviation");
        _program.Launch.Grain.GrainForward(
            _program.Device.Rows(Batch, row),
            images,
            noise,
            statistics.Mean,
            statistics.Std,
            state,
            stream,
            Batch,
            row,
            channels,
            largest
        );
    }

    private Value Statistics(string name, InputNormalization normalization, int channels)
    {
        if (normalization.Mean.Count != channels || normalization.Std.Count != channels)
        {
            throw new ArgumentException(
                $"The normalisation has {normalization.Mean.Count} channels; the images have {channels}.",
                nameof(normalization)
            );
        }

        return _program.Constant($"{name}/mean and deviation", [.. normalization.Mean, .. normalization.Std]);
    }

    private void SendImages()
    {
        _state.Span[Slot] = _slots.Offset;
        if (_fed is null)
            _slots.Upload(Own);
    }
}

/// <summary>Images on the device, and how they were normalised.</summary>
/// <param name="Images">Real [N, H, W, C].</param>
/// <param name="Mean">Mean per channel, of pixels in [0, 1].</param>
/// <param name="Std">Standard deviation per channel.</param>
internal readonly record struct BatchImages(Value Images, Operand<Real> Mean, Operand<Real> Std);

using Lur.Device;
using Lur.Tensors;
using Shape = Lur.Programs.Shape;

namespace Lur.Tasks.Diffusion;

/// <summary>One step of a sampler in a program: the caller records the network between <see cref="SamplerStep(Program, string,
/// SamplerSchedule, Shape, ulong, double?)"/> and <see cref="Emit"/>. The step reads its numbers from a table in device memory by the row
/// that the host sets, so that one captured graph serves every step.</summary>
/// <remarks>The k-th image is a function of the seed, the weights and its number, whatever batch it is made in: its start and the fresh
/// noise of each step are drawn by its number. With guidance the network is given a batch of twice the size, the rows without a
/// condition first, and m = m_null + guidance (m_cond - m_null) (Ho, Salimans 2022, with weight guidance - 1).</remarks>
public sealed class SamplerStep
{
    private const int Seed = 0,
        FirstSample = 1,
        CurrentRow = 2;
    private readonly Program _program;
    private readonly SamplerSchedule _schedule;
    private readonly Shape _images;
    private readonly string _name;
    private readonly double? _guidance;
    private readonly Value _table;
    private readonly RunInput<ulong> _state;
    private (Program Program, RunInput<ulong> State)? _start;

    /// <summary>Declares the images and what the network is given, and records the time step.</summary>
    /// <param name="program">Program under construction.</param>
    /// <param name="name">Prefix of buffer names; also names the random streams.</param>
    /// <param name="schedule">The steps.</param>
    /// <param name="images">Shape of the images, [N, H, W, C].</param>
    /// <param name="seed">Seed of the draws.</param>
    /// <param name="guidance">Weight of the condition; 1 is the conditional network alone, 0 the one without. Null: the network has no
    /// condition, or is asked once.</param>
    /// <exception cref="ArgumentException">Twice the batch has 2^31 elements or more.</exception>
    public SamplerStep(Program program, string name, SamplerSchedule schedule, Shape images, ulong seed, double? guidance = null)
    {
        (_program, _name, _schedule, _images, _guidance) = (program, name, schedule, images, guidance);
        Batch = guidance is null ? images[0] : 2 * images[0];
        Input = Program.Keep(program.Real($"{name}/x", ValueRole.Input, new Shape(Batch, images[1], images[2], images[3])));
        Timesteps = program.Raw($"{name}/timesteps", ValueRole.Input, new Shape(Batch), sizeof(int));
        _table = program.Constant($"{name}/steps", schedule.Table());
        _state = program.Input<ulong>($"{name}/state", new Shape(3));
        _state.Span[Seed] = seed;
        program.Launch.Sampler.SamplerBegin(program.Device.Elements(Batch), Timesteps, _table, RowNumber, Batch);
    }

    /// <summary>Rows of the network's batch: N, or 2 N with guidance.</summary>
    public int Batch { get; }

    /// <summary>What the network is given: x, real [Batch, H, W, C]; with guidance the images twice.</summary>
    public Value Input { get; }

    /// <summary>The time step of each row, int [Batch].</summary>
    public Value Timesteps { get; }

    /// <summary>Step that the next run makes, from 0.</summary>
    public int Row
    {
        get => (int)_state.Span[CurrentRow];
        set
        {
            ArgumentOutOfRangeException.ThrowIfNegative(value);
            ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(value, _schedule.Count);
            _state.Span[CurrentRow] = (ulong)value;
        }
    }

    /// <summary>Number of the first image.</summary>
    public ulong First
    {
        get => _state.Span[FirstSample];
        set => _state.Span[FirstSample] = value;
    }

    private Operand<ulong> RowNumber => _state.Device.At<ulong>(CurrentRow);

    /// <summary>Records the step behind the network.</summary>
    /// <param name="output">Output of the network, real [Batch, H, W, C].</param>
    /// <param name="fresh">Fresh noise of the step, real [N, H, W, C]; null: drawn.</param>
    public void Emit(Operand<Real> output, Value? fresh = null)
    {
        var (p, n) = (_program, _images.Count);
        if (_schedule.TakesNoise && fresh is null)
            fresh = DiffusionDraws.Noise(p, _name, _images, Operand.Of<ulong>(_state.Device), RowNumber);
        var before = _schedule.LooksBack ? Program.Keep(p.Real($"{_name}/x0", ValueRole.Vector, _images)) : null;
        p.Launch.Sampler.SamplerStep(
            p.Device.Elements(n),
            Input,
            before,
            output,
            fresh,
            _table,
            RowNumber,
            n,
            _guidance is null ? 0 : 1,
            _guidance ?? 1,
            _schedule.Clip
        );
    }

    /// <summary>Fills the images with noise, from which the first step starts.</summary>
    public void Start()
    {
        _program.Commit();
        if (_start is null)
        {
            var program = _program.Own(new Program(_program.Device, _program.Precision));
            var state = program.Input<ulong>($"{_name}/start-state", new Shape(2));
            state.Span[Seed] = _state.Span[Seed];
            // The same numbers in both halves.
            for (var image = 0; image < Batch; image += _images[0])
                DiffusionDraws.NoiseInto(
                    program,
                    Input.Pointer.At((long)image * (_images.Count / _images[0]), _program.Precision.Size()),
                    _images,
                    RandomStream.StreamOf($"{_name}/start"),
                    Operand.Of<ulong>(state.Device)
                );
            _start = (program, state);
        }

        var start = _start.Value;
        start.State.Span[FirstSample] = First;
        start.Program.Run();
        Row = 0;
    }

    /// <summary>Starts from given images.</summary>
    /// <param name="images">x, [N, H, W, C].</param>
    public void Start(ReadOnlySpan<double> images)
    {
        if (images.Length != _images.Count)
            throw new ArgumentException($"The images have {_images.Count} numbers; {images.Length} were given.", nameof(images));
        _program.Commit();
        for (var half = 0; half < Input.Shape.Count; half += _images.Count)
        {
            var target = Input.Pointer.At(half, _program.Precision.Size());
            if (_program.Precision == Precision.Float64)
                _program.Device.Upload(target, images);
            else
                _program.Device.Upload(target, new ReadOnlySpan<float>(Array.ConvertAll(images.ToArray(), x => (float)x)));
        }

        Row = 0;
    }

    /// <summary>Makes all steps from a start on.</summary>
    public void RunAll()
    {
        for (var row = 0; row < _schedule.Count; row++)
        {
            Row = row;
            _program.Run();
        }
    }

    /// <summary>Waits, and copies the images to the host, [N, H, W, C], as double whatever the precision.</summary>
    public double[] Images() => HostCopy.Of(_program, Input, _images.Count);
}

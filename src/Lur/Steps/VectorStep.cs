using Lur.Device;
using Lur.Optimizers;

namespace Lur.Steps;

/// <summary>The vector arithmetic of LUR for a program that has a model and gradients of its own: g = grad L_r(theta);
/// theta' = theta - alpha g; v = grad L_u(theta'); h = H_r(theta) v; G = w_r g + w_u (v - alpha h); momentum update of theta with G
/// ("Learning to Unlearn while Retaining", ICCV 2025). The gradients are the caller's.</summary>
/// <remarks>A vector is a list of addresses, one for each segment; all vectors of a step have the same segments. Every call gives
/// work to the device's stream and returns: nothing waits, nothing is allocated and nothing read back but in the constructor,
/// <see cref="Read"/> and <see cref="Dispose"/>, so that a program may capture a step into a graph of its own. The update is made
/// whole or not at all: where |g|, |theta|, |v| or |h| is not finite it changes nothing and the step counts as skipped. Norms of a
/// vector in segments are summed segment by segment, so that their last bits may differ from those of the flat vector; the update
/// works element by element, and does not.</remarks>
public sealed partial class VectorStep : IDisposable
{
    /// <summary>Numbers of a report.</summary>
    public const int ReportCount = 8;

    // Where the numbers lie, in doubles. The first four are what the guard looks at.
    private const int RetainSquare = 0,
        ParameterSquare = 1,
        ForgetSquare = 2,
        ProductSquare = 3,
        Guarded = 4,
        Alpha = 4,
        Scales = 5,
        Norms = 8,
        Report = 16,
        Numbers = 24,
        Skip = 40,
        Sums = 48;

    private readonly ComputeDevice _device;
    private readonly KernelSet _kernels;
    private readonly VectorPieces _pieces;
    private readonly VectorStepOptions _options;
    private readonly OwnedBuffer _memory;
    private readonly double[] _read = new double[ReportCount];
    private readonly long[] _counts;
    private readonly Range[] _mine;
    private readonly Range[] _theirs;
    private Stage _stage;

    /// <summary>Takes the memory of the step's own numbers and loads its kernels.</summary>
    /// <param name="device">Device that holds the vectors.</param>
    /// <param name="counts">Elements of each segment.</param>
    /// <param name="options">Numbers of the step.</param>
    /// <exception cref="ArgumentException">A number or a count means nothing.</exception>
    public VectorStep(ComputeDevice device, ReadOnlySpan<long> counts, VectorStepOptions options)
    {
        options.Validate();
        (_device, _options, _pieces) = (device, options, new VectorPieces(counts));
        (_counts, _mine, _theirs) = (counts.ToArray(), new Range[counts.Length], new Range[counts.Length]);
        _kernels = device.Kernels(options.Precision);
        // Within a capture nothing may be loaded.
        foreach (var module in new KernelModule[] { _kernels.Lur, _kernels.Vector, _kernels.Guard, _kernels.Pieces })
            module.Load();
        _memory = new OwnedBuffer(device, "numbers of a step", BytesOf(_pieces));
        SetLearningRate(options.LearningRate);
        SetNumber(StepParameter.Momentum, options.Momentum);
        SetNumber(StepParameter.WeightDecay, options.WeightDecay);
        SetNumber(StepParameter.RetainWeight, options.RetainWeight);
        SetNumber(StepParameter.ForgetWeight, options.ForgetWeight);
        SetNumber(StepParameter.Alpha, options.Alpha);
    }

    private enum Stage
    {
        /// <summary>Nothing yet, or the step before is done.</summary>
        Ready,
        LookedAhead,
        MovedForward,
        MovedBack,
        HasProduct,

        /// <summary>Updated: as ready, and there is something to report.</summary>
        Done,
    }

    /// <summary>Where the second-order term comes from.</summary>
    public VectorProduct Product => _options.Product;

    /// <summary>Elements of a vector.</summary>
    public long Elements => _pieces.Elements;

    /// <summary>Segments of a vector.</summary>
    public int Segments => _pieces.Segments;

    /// <summary>Device memory the step holds, in bytes.</summary>
    public long DeviceBytes => _memory.Bytes;

    /// <summary>Address of an int that is not 0 when the last update was skipped, for kernels of the caller.</summary>
    public ulong SkipAddress => At(Skip).Address;

    /// <summary>Device memory that a step takes, in bytes.</summary>
    /// <param name="counts">Elements of each segment.</param>
    /// <exception cref="ArgumentException">A count means nothing.</exception>
    public static long BytesOf(ReadOnlySpan<long> counts) => BytesOf(new VectorPieces(counts));

    /// <summary>Gives the device another learning rate for the updates that follow, replayed ones included.</summary>
    /// <exception cref="ArgumentException">It is negative or no number.</exception>
    public void SetLearningRate(double rate)
    {
        (_options with { LearningRate = rate }).Validate();
        SetNumber(StepParameter.LearningRate, rate);
    }

    /// <summary>What the last update reports; waits for it.</summary>
    /// <exception cref="InvalidOperationException">No update was made.</exception>
    public StepTelemetry Read()
    {
        _device.Download(_read.AsSpan(), EnqueueReport());
        return StepTelemetry.Empty with
        {
            RetainGradientNorm = _read[0],
            ForgetGradientNorm = _read[1],
            Cosine = _read[2],
            SecondOrderShare = _read[3],
            ParameterNorm = _read[4],
            LookAheadNorm = _read[5],
            Skipped = _read[6] != 0,
        };
    }

    /// <summary>Steps that were skipped up to the last <see cref="Read"/>.</summary>
    public long SkippedSteps => (long)_read[7];

    /// <summary>Gives the device a copy of what the last update reports: |g|, |v|, cos(g, v), alpha |h| / |v|, |theta|, alpha |g|,
    /// whether it was skipped, and how many were.</summary>
    /// <param name="host">Address of <see cref="ReportCount"/> doubles in page-locked memory; pageable memory makes the call wait.</param>
    /// <exception cref="InvalidOperationException">No update was made.</exception>
    public void EnqueueReport(ulong host) => _device.DownloadTo((nint)host, EnqueueReport(), ReportCount * sizeof(double));

    /// <summary>Waits for the device and frees the step's numbers.</summary>
    public void Dispose() => _memory.Dispose();

    private static long BytesOf(VectorPieces pieces) => (Sums + pieces.SumDoubles) * sizeof(double);

    private DevicePointer<double> EnqueueReport()
    {
        if (_stage != Stage.Done)
            throw new InvalidOperationException("There is nothing to report: an update must be the last that the step was given.");
        _kernels.Pieces.StepReport(_device.Elements(1), At(Report), At(Norms), At(Alpha), At(Skip).As<int>());
        return At(Report);
    }

    private DevicePointer<double> At(int slot) => new DevicePointer<double>(_memory.Address).At(slot, sizeof(double));

    private DevicePointer<double> SumsOf(int piece, int values) => At(Sums).At((long)piece * values, sizeof(double));

    private DevicePointer<double> PartialsOf(int piece, int values) =>
        At(Sums).At(((long)_pieces.All.Length * VectorPieces.MostValues) + ((long)piece * values * _pieces.Parts), sizeof(double));

    private void Store(int slot, int count, double value) => _kernels.Pieces.NumberStore(_device.Elements(count), At(slot), count, value);

    private void SetNumber(StepParameter parameter, double value) => Store(Numbers + (int)parameter, 1, value);

    /// <summary>Folds the partial sums of all pieces, in their order.</summary>
    private void Finish(int slot, int values)
    {
        var (pieces, sums) = (_pieces.All.Length, _pieces.All.Length == 1 ? At(slot) : SumsOf(0, values));
        _kernels.Vector.VectorFinishSum(_device.Blocks(pieces * values), sums, PartialsOf(0, values), _pieces.Parts, pieces * values);
        if (pieces > 1)
            _kernels.Pieces.PieceSum(_device.Elements(values), At(slot), sums, pieces, values);
    }

    private LaunchShape Blocks(in VectorPiece piece) => _device.Blocks(_pieces.Parts, (piece.Count / _pieces.Parts) + 1);

    private DevicePointer<Real> Piece(ReadOnlySpan<ulong> vector, in VectorPiece piece) =>
        vector.IsEmpty ? default : new DevicePointer<Real>(vector[piece.Segment]).At(piece.Offset, _options.Precision.Size());

    /// <summary>|x|^2 into a slot; 0 for a vector that is left out.</summary>
    private void Square(ReadOnlySpan<ulong> x, int slot)
    {
        if (x.IsEmpty)
        {
            Store(slot, 1, 0);
            return;
        }

        for (var p = 0; p < _pieces.All.Length; p++)
        {
            ref readonly var piece = ref _pieces.All[p];
            _kernels.Vector.VectorSquareSum(Blocks(piece), PartialsOf(p, 1), Piece(x, piece), piece.Count, _pieces.Parts);
        }

        Finish(slot, 1);
    }
}

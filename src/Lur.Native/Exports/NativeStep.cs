using System.Runtime.InteropServices;
using Lur.Device;
using Lur.Steps;

namespace Lur.Native.Exports;

/// <summary>A step of a session: the caller's vectors as lists of addresses.</summary>
internal sealed unsafe class NativeStep : IDisposable
{
    private const int MostVectors = 6;
    private readonly NativeSession _session;
    private readonly long[] _counts;
    private readonly ulong[][] _addresses = new ulong[MostVectors][];
    private GCHandle _handle;

    /// <summary>Makes a step.</summary>
    /// <param name="session">Its session.</param>
    /// <param name="options">Checked by the front but for ranges.</param>
    /// <param name="shape">Counts of the segments.</param>
    public NativeStep(NativeSession session, in StepOptions options, Vector* shape)
    {
        (_session, _counts) = (session, CountsOf(shape));
        for (var i = 0; i < MostVectors; i++)
            _addresses[i] = new ulong[_counts.Length];
        Step = new VectorStep(session.Device, _counts, Convert(options));
        _handle = GCHandle.Alloc(this);
        session.Own(this);
    }

    /// <summary>The arithmetic.</summary>
    public VectorStep Step { get; }

    /// <summary>What the front keeps of it.</summary>
    public nint Handle => GCHandle.ToIntPtr(_handle);

    /// <summary>Device memory of a step for vectors of a shape.</summary>
    public static ulong BytesOf(Vector* shape) => (ulong)VectorStep.BytesOf(CountsOf(shape));

    /// <summary>Gives the device the work of an operation.</summary>
    /// <exception cref="CodedException">Out of order, or a vector has another shape.</exception>
    public void Enqueue(Operation operation, in Arguments a)
    {
        try
        {
            if (operation == Operation.StepTelemetry)
            {
                Step.EnqueueReport((ulong)a.Pointer(0));
                return;
            }

            ReadOnlySpan<ulong> x0 = Addresses(a, 0),
                x1 = Addresses(a, 1),
                x2 = Addresses(a, 2);
            switch (operation)
            {
                case Operation.StepLookAhead:
                    Step.LookAhead(x0, x1, x2);
                    break;
                case Operation.StepPerturb:
                    Step.Perturb((int)a.Integer, x0, x1, x2);
                    break;
                case Operation.StepDifference:
                    Step.Difference(x0, x1, x2);
                    break;
                case Operation.StepUpdate:
                    Step.Update(x0, x1, x2, Addresses(a, 3), Addresses(a, 4), Addresses(a, 5));
                    break;
                case Operation.StepGradient:
                    Step.Gradient(x0, x1, x2, Addresses(a, 3), Addresses(a, 4));
                    break;
                default:
                    throw new ArgumentOutOfRangeException(nameof(operation), operation, "There is no such operation.");
            }
        }
        catch (InvalidOperationException e) when (e is not ObjectDisposedException)
        {
            throw new CodedException(Code.State, e.Message);
        }
    }

    /// <summary>Waits for the last update and reads what it reports.</summary>
    public void Read(Telemetry* telemetry)
    {
        StepTelemetry t;
        try
        {
            t = Step.Read();
        }
        catch (InvalidOperationException e) when (e is not ObjectDisposedException)
        {
            throw new CodedException(Code.State, e.Message);
        }

        (telemetry->Skipped, telemetry->SkippedSteps) = (t.Skipped ? 1 : 0, Step.SkippedSteps);
        (telemetry->RetainNorm, telemetry->ForgetNorm, telemetry->Cosine) = (t.RetainGradientNorm, t.ForgetGradientNorm, t.Cosine);
        (telemetry->SecondOrder, telemetry->ThetaNorm) = (t.SecondOrderShare, t.ParameterNorm);
        telemetry->LookAhead = t.LookAheadNorm;
    }

    /// <summary>Frees the step.</summary>
    public void Dispose()
    {
        if (!_handle.IsAllocated)
            return;
        _session.Disown(this);
        _handle.Free();
        Step.Dispose();
    }

    private static VectorStepOptions Convert(in StepOptions o) =>
        new()
        {
            Precision = o.Dtype == 1 ? Precision.Float32 : Precision.Float64,
            Product = (VectorProduct)o.SecondOrder,
            Nesterov = o.Nesterov != 0,
            Alpha = o.Alpha,
            ForgetWeight = o.ForgetWeight,
            RetainWeight = o.RetainWeight,
            LearningRate = o.LearningRate,
            Momentum = o.Momentum,
            WeightDecay = o.WeightDecay,
            LookAheadCap = o.LookAheadCap,
            Radius = o.FdRadius,
        };

    private static long[] CountsOf(Vector* shape)
    {
        if (shape->SegmentCount == 0)
            return [Least(shape->Count)];
        if (shape->SegmentCount > 1 << 20)
            throw new CodedException(Code.Size, $"The shape has {shape->SegmentCount} segments; {1 << 20} is the most.");
        var counts = new long[shape->SegmentCount];
        for (var s = 0; s < counts.Length; s++)
            counts[s] = Least(shape->Segments[s].Count);
        return counts;
    }

    private static long Least(long count) =>
        count >= 1 ? count : throw new CodedException(Code.Size, $"A segment of the shape has {count} elements; it needs at least one.");

    /// <summary>The addresses of a vector; nothing for one that is left out.</summary>
    private ReadOnlySpan<ulong> Addresses(in Arguments a, int index)
    {
        var vector = (Vector*)a.Pointer(index);
        if (vector is null)
            return default;
        var addresses = _addresses[index];
        if (vector->SegmentCount == 0)
        {
            Same(vector->Count, 0, index, 1);
            addresses[0] = vector->Data;
            return addresses;
        }

        for (var s = 0; s < addresses.Length; s++)
        {
            var segment = s < vector->SegmentCount ? vector->Segments[s] : default;
            Same(segment.Count, s, index, (int)vector->SegmentCount);
            addresses[s] = segment.Data;
        }

        return addresses;
    }

    private void Same(long count, int segment, int index, int segments)
    {
        if (segments != _counts.Length || count != _counts[segment])
        {
            throw new CodedException(
                Code.Size,
                $"Vector {index + 1} of the call has {segments} segments, segment {segment} of {count} elements; the step was made for "
                    + $"{_counts.Length} segments, this one of {_counts[segment]} elements."
            );
        }
    }
}

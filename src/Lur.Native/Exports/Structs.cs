using System.Runtime.InteropServices;

namespace Lur.Native.Exports;

// The structs of include/lur.h and front/front.h, field by field. The sizes are held by a test against the header's.
#pragma warning disable CA1051

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Arguments
{
    public fixed ulong Pointers[6];
    public long Integer;
    public double Number;

    public void* Pointer(int i) => (void*)Pointers[i];
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SessionOptions
{
    public uint Size;
    public int DeviceKind;
    public int Ordinal;
    public int Threads;
    public nint Context;
    public nint Stream;
    public delegate* unmanaged<nint, ulong, ulong, ulong> Allocate;
    public delegate* unmanaged<nint, ulong, ulong, void> Release;
    public nint AllocatorUser;
    public delegate* unmanaged<nint, int, byte*, void> Log;
    public nint LogUser;
    public int LogLevel;
    public uint Flags;
    public byte* CacheFolder;
    public byte* KernelFolder;
}

[Flags]
internal enum SessionFlags : uint
{
    None = 0,
    NoCompile = 1,
    IgnoreEnvironment = 2,
    NoCache = 4,
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct DeviceInfo
{
    public uint Size;
    public int DeviceKind;
    public int Ordinal;
    public int Multiprocessors;
    public int WarpSize;
    public int ComputeMajor;
    public int ComputeMinor;
    public int Reserved;
    public ulong Memory;
    public ulong Held;
    public nint Stream;
    public nint Context;
    public fixed byte Name[128];
}

[StructLayout(LayoutKind.Sequential)]
internal struct Segment
{
    public ulong Data;
    public long Count;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Vector
{
    public uint Size;
    public uint SegmentCount;
    public ulong Data;
    public long Count;
    public Segment* Segments;
}

[StructLayout(LayoutKind.Sequential)]
internal struct StepOptions
{
    public uint Size;
    public int Dtype;
    public int SecondOrder;
    public int Nesterov;
    public double Alpha;
    public double ForgetWeight;
    public double RetainWeight;
    public double LearningRate;
    public double Momentum;
    public double WeightDecay;
    public double LookAheadCap;
    public double FdRadius;
}

[StructLayout(LayoutKind.Sequential)]
internal struct Telemetry
{
    public uint Size;
    public int Skipped;
    public long SkippedSteps;
    public double RetainNorm;
    public double ForgetNorm;
    public double Cosine;
    public double SecondOrder;
    public double ThetaNorm;
    public double LookAhead;
}

[Flags]
internal enum JobFlags : uint
{
    None = 0,
    Overwrite = 1,
    AlsoCopies = 2,
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct JobOptions
{
    public uint Size;
    public uint Flags;
    public byte* Model;
    public byte* Data;
    public byte* Output;
    public byte** Forget;
    public byte** Options;
    public byte** Forgotten;
    public uint ForgetCount;
    public uint OptionCount;
    public uint ForgottenCount;
    public int ImageSize;
    public byte* Method;
    public byte* Split;
    public ulong Seed;
    public long CheckpointEvery;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ProgressReport
{
    public uint Size;
    public int Reserved;
    public long Done;
    public long Total;
    public byte* Stage;
    public byte* Unit;
    public double RetainLoss;
    public double ForgetLoss;
    public double Cosine;
}

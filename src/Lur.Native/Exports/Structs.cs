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
    KeepPartial = 4,
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
    public nint Weights;
    public Provider* Provider;
    public ulong MaxMemory;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct BatchRequest
{
    public uint Size;
    public int Part;
    public long Count;
    public long* Indices;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Batch
{
    public uint Size;
    public int Place;
    public int Dtype;
    public int Layout;
    public ulong Images;
    public int* Labels;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Provider
{
    public uint Size;
    public int Channels;
    public int Rows;
    public int Columns;
    public long TrainCount;
    public long TestCount;
    public byte** Classes;
    public uint ClassCount;
    public uint Reserved;
    public byte* Name;
    public delegate* unmanaged<nint, BatchRequest*, Batch*, int> Next;
    public nint User;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ModelOptions
{
    public uint Size;
    public int Channels;
    public int Rows;
    public int Columns;
    public byte* Architecture;
    public byte** Classes;
    public uint ClassCount;
    public uint Reserved;
    public double* Mean;
    public double* Deviation;
    public byte* Augmentation;
    public ulong Seed;
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct ModelInfo
{
    public uint Size;
    public int Draws;
    public int Channels;
    public int Rows;
    public int Columns;
    public int ClassCount;
    public long TensorCount;
    public long ParameterCount;
    public long StatisticCount;
    public fixed byte Architecture[256];
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct TensorInfo
{
    public uint Size;
    public int Rank;
    public long Count;
    public long Offset;
    public int Statistic;
    public int Reserved;
    public fixed long Shape[8];
    public fixed long DeviceShape[8];
    public fixed byte Name[192];
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct Tensor
{
    public uint Size;
    public int Rank;
    public byte* Name;
    public ulong Data;
    public int Place;
    public int Dtype;
    public int Layout;
    public int Reserved;
    public fixed long Shape[8];
    public fixed long Stride[8];
}

[StructLayout(LayoutKind.Sequential)]
internal unsafe struct SampleOptions
{
    public uint Size;
    public uint Flags;
    public byte* Model;
    public nint Weights;
    public byte* Output;
    public byte** Classes;
    public uint ClassCount;
    public int Count;
    public byte* Sampler;
    public int Steps;
    public int Reserved;
    public double Eta;
    public double Guidance;
    public ulong Seed;
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

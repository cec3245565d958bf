using System.Runtime.InteropServices;
using System.Text;
using Lur.Device;

namespace Lur.Native.Exports;

/// <summary>Which method an operation is.</summary>
internal static unsafe class Dispatcher
{
    /// <summary>Runs an operation. Whatever it throws is caught by <see cref="EntryPoint"/>.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="self">The session, step, job or model it belongs to.</param>
    /// <param name="a">Its arguments.</param>
    public static void Run(Operation operation, object? self, in Arguments a)
    {
        switch (self)
        {
            case NativeSession session:
                RunSession(operation, session, a);
                break;
            case NativeStep step:
                RunStep(operation, step, a);
                break;
            case NativeJob job:
                RunJob(operation, job, a);
                break;
            case NativeModel model:
                RunModel(operation, model, a);
                break;
            default:
                RunAlone(operation, a);
                break;
        }
    }

    private static void RunAlone(Operation operation, in Arguments a)
    {
        switch (operation)
        {
            case Operation.Start:
                Start(Utf8.Read((byte*)a.Pointer(0))!);
                CallerAddress.Copy = (delegate* unmanaged<void*, ulong, ulong, int>)a.Pointer(1);
                CallerAddress.Put = (delegate* unmanaged<ulong, void*, ulong, int>)a.Pointer(2);
                CallerAddress.Jumped = (int*)a.Pointer(3);
                break;
            case Operation.Doctor:
                Utf8.Write(Diagnostics.Inspect().ToText(), (byte*)a.Pointer(0), (int)a.Integer);
                break;
            case Operation.Open:
                Open(a);
                break;
            case Operation.MethodsJson:
                Give(MethodsText.Json, a);
                break;
            default:
                throw Unknown(operation);
        }
    }

    private static void RunSession(Operation operation, NativeSession session, in Arguments a)
    {
        switch (operation)
        {
            case Operation.Close:
                session.Close();
                break;
            case Operation.Wait:
                session.Device.Synchronize();
                break;
            case Operation.DeviceInfo:
                session.Describe((DeviceInfo*)a.Pointer(0));
                break;
            case Operation.Precompile:
                session.Precompile(a.Integer == 1 ? Precision.Float32 : Precision.Float64);
                break;
            case Operation.PlanStep:
                *(ulong*)a.Pointer(2) = NativeStep.BytesOf((Vector*)a.Pointer(1));
                break;
            case Operation.StepCreate:
                var step = new NativeStep(session, *(StepOptions*)a.Pointer(0), (Vector*)a.Pointer(1));
                *(nint*)a.Pointer(2) = step.Handle;
                break;
            case Operation.JobCreate:
                var job = new NativeJob(session, *(JobOptions*)a.Pointer(0), (Provider*)a.Pointer(1), Weights(a), (nint*)a.Pointer(4));
                *(nint*)a.Pointer(2) = job.Handle;
                break;
            case Operation.ModelOpen:
                *(nint*)a.Pointer(2) = NativeModel.Open(session, Utf8.Read((byte*)a.Pointer(0))!).Handle;
                break;
            case Operation.ModelCreate:
                *(nint*)a.Pointer(2) = NativeModel.Create(session, *(ModelOptions*)a.Pointer(0)).Handle;
                break;
            case Operation.Sample:
                var images = new ImageJob(session, *(SampleOptions*)a.Pointer(0), Weights(a));
                images.Run((delegate* unmanaged<nint, ProgressReport*, int>)a.Pointer(1), (nint)a.Pointer(2));
                break;
            default:
                throw Unknown(operation);
        }
    }

    private static void RunJob(Operation operation, NativeJob job, in Arguments a)
    {
        switch (operation)
        {
            case Operation.JobDestroy:
                job.Dispose();
                break;
            case Operation.JobPlan:
                (*(ulong*)a.Pointer(0), *(long*)a.Pointer(1)) = job.Plan();
                break;
            case Operation.JobRun:
                job.Run((delegate* unmanaged<nint, ProgressReport*, int>)a.Pointer(0), (nint)a.Pointer(1), a.Integer != 0);
                break;
            case Operation.JobResult:
                Give(job.Result, a);
                break;
            default:
                throw Unknown(operation);
        }
    }

    private static void RunModel(Operation operation, NativeModel model, in Arguments a)
    {
        switch (operation)
        {
            case Operation.ModelDestroy:
                model.Dispose();
                break;
            case Operation.ModelDescribe:
                model.Describe((ModelInfo*)a.Pointer(0));
                break;
            case Operation.ModelTensor:
                model.Describe(a.Integer, (TensorInfo*)a.Pointer(0));
                break;
            case Operation.ModelBind:
                model.Bind(new ReadOnlySpan<Tensor>(a.Pointer(0), (int)a.Pointer(1)), flat: a.Integer == 1);
                break;
            case Operation.ModelWriteBack:
                model.WriteBack();
                break;
            case Operation.ModelLoad:
                model.Load(Utf8.Read((byte*)a.Pointer(0))!);
                break;
            case Operation.ModelSave:
                model.Save(Utf8.Read((byte*)a.Pointer(0))!);
                break;
            default:
                throw Unknown(operation);
        }
    }

    private static NativeModel? Weights(in Arguments a) =>
        a.Pointer(3) is var handle && handle is null ? null : (NativeModel?)GCHandle.FromIntPtr((nint)handle).Target;

    private static ArgumentOutOfRangeException Unknown(Operation operation) =>
        new(nameof(operation), operation, "There is no such operation.");

    // A text into the caller's buffer, and its length.
    private static void Give(string text, in Arguments a)
    {
        *(ulong*)a.Pointer(1) = (ulong)Encoding.UTF8.GetByteCount(text);
        Utf8.Write(text, (byte*)a.Pointer(0), (int)a.Integer);
    }

    private static void RunStep(Operation operation, NativeStep step, in Arguments a)
    {
        switch (operation)
        {
            case Operation.StepDestroy:
                step.Dispose();
                NativeSession.Settle();
                break;
            case Operation.StepRate:
                step.Step.SetLearningRate(a.Number);
                break;
            case Operation.StepSkipFlag:
                *(ulong*)a.Pointer(0) = step.Step.SkipAddress;
                break;
            case Operation.StepRead:
                step.Read((Telemetry*)a.Pointer(0));
                break;
            default:
                step.Enqueue(operation, a);
                break;
        }
    }

    // Everything that Lur looks for beside the program lies beside the library.
    private static void Start(string library) =>
        AppContext.SetData("APP_CONTEXT_BASE_DIRECTORY", Path.GetDirectoryName(library) + Path.DirectorySeparatorChar);

    private static void Open(in Arguments a)
    {
        var options = (SessionOptions*)a.Pointer(0);
        var session = new NativeSession(*options, (int*)a.Pointer(2), (int*)a.Pointer(3));
        *(nint*)a.Pointer(1) = session.Handle;
    }
}

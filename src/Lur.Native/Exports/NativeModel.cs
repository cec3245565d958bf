using System.Globalization;
using System.Runtime.InteropServices;
using Lur.Device;
using Lur.Hosting;
using Lur.Models;
using Lur.Tensors;

namespace Lur.Native.Exports;

/// <summary>A model of a session: weights from a file, drawn, or of the caller.</summary>
internal sealed unsafe class NativeModel : IDisposable
{
    private readonly NativeSession _session;
    private GCHandle _handle;
    private Model _model;
    private LurModel _tensors;
    private BoundTensor[]? _table;

    private NativeModel(NativeSession session, Model model)
    {
        (_session, _model, _tensors) = (session, model, new LurModel(model));
        _handle = GCHandle.Alloc(this);
        session.Own(this);
    }

    /// <summary>Reads a model.</summary>
    public static NativeModel Open(NativeSession session, string path)
    {
        RequireFile(path);
        return new NativeModel(session, OfFile(() => ModelFile.Load(path, session.Device, Precision.Float32)));
    }

    /// <summary>Makes a model with drawn weights.</summary>
    public static NativeModel Create(NativeSession session, in ModelOptions o)
    {
        var classes = o.Classes is null
            ? Sequences.Range(0, (int)o.ClassCount).Select(i => i.ToString(CultureInfo.InvariantCulture)).ToArray()
            : Utf8.ReadAll(o.Classes, o.ClassCount);
        var spec = ModelFamilies.Parse(Utf8.Read(o.Architecture)!, new ImageSize(o.Rows, o.Columns, o.Channels), classes.Length);
        var given =
            o.Mean is null && o.Deviation is null ? null : new InputNormalization(Of(o.Mean, o.Channels), Of(o.Deviation, o.Channels));
        if (given is not null && spec.OwnNormalization is not null)
            throw new UserErrorException($"A {spec.Text} has a normalisation of its own; leave mean and deviation null.");
        var normalization = spec.OwnNormalization ?? given ?? new InputNormalization(Of(null, o.Channels), Of(null, o.Channels));
        var model = new Model(session.Device, Precision.Float32, spec, spec.Classes == 0 ? [] : classes, normalization)
        {
            Augmentation = AugmentationOf(spec, Utf8.Read(o.Augmentation)!),
        };
        try
        {
            model.Initialize(o.Seed, WeightInitialization.TorchDefault);
            return new NativeModel(session, model);
        }
        catch
        {
            model.Dispose();
            throw;
        }
    }

    /// <summary>What the front keeps of it.</summary>
    public nint Handle => GCHandle.ToIntPtr(_handle);

    /// <summary>Whether it draws images.</summary>
    public bool Draws => Live.Spec is UNetSpec;

    /// <summary>Memory of the caller that its weights lie in; null where they are Lur's.</summary>
    public WeightMemory? Memory { get; private set; }

    /// <summary>Says what it is.</summary>
    public void Describe(ModelInfo* info)
    {
        var (spec, input) = (_model.Spec, _model.Spec.Input);
        (info->Draws, info->Channels, info->Rows, info->Columns) = (Draws ? 1 : 0, input.Channels, input.Height, input.Width);
        (info->ClassCount, info->TensorCount) = (_model.ClassNames.Count, _tensors.Tensors.Count);
        (info->ParameterCount, info->StatisticCount) = (_model.Parameters.Count, _model.Buffers.Count);
        Utf8.Write(spec.Text, info->Architecture, 256);
    }

    /// <summary>Says what a tensor is.</summary>
    public void Describe(long position, TensorInfo* info)
    {
        if (position < 0 || position >= _tensors.Tensors.Count)
            throw new CodedException(Code.Size, $"There is no tensor {position}; the model has {_tensors.Tensors.Count}, counted from 0.");
        var t = _tensors.Tensors[(int)position];
        (info->Rank, info->Count, info->Offset, info->Statistic) = (t.Shape.Count, t.Count, t.Offset, t.IsStatistic ? 1 : 0);
        for (var axis = 0; axis < t.Shape.Count; axis++)
            info->Shape[axis] = t.Shape[axis];
        for (var axis = 0; axis < t.DeviceShape.Count; axis++)
            info->DeviceShape[axis] = t.DeviceShape[axis];
        Utf8.Write(t.Name, info->Name, 192);
    }

    /// <summary>Takes weights of the caller, by name or as they lie.</summary>
    public void Bind(ReadOnlySpan<Tensor> given, bool flat)
    {
        var tensors = new BoundTensor[given.Length];
        for (var i = 0; i < tensors.Length; i++)
            tensors[i] = new BoundTensor(given[i]);
        if (flat)
            BindFlat(tensors);
        else
            BindTable(tensors);
    }

    /// <summary>Copies the weights to the tensors that were bound.</summary>
    public void WriteBack()
    {
        var table = _table ?? throw new CodedException(Code.State, "No table is bound: lur_model_bind with LUR_BIND_TABLE comes before.");
        foreach (var tensor in table)
        {
            var values = new float[tensor.Count];
            _tensors.Read(tensor.Name, values);
            tensor.Write(_session.Device, values);
        }
    }

    /// <summary>Takes the weights of a file.</summary>
    public void Load(string path)
    {
        RequireFile(path);
        _ = OfFile(() =>
        {
            ModelFile.Read(Live, path);
            return 0;
        });
    }

    /// <summary>Writes a file.</summary>
    public void Save(string path)
    {
        _session.Device.Synchronize();
        try
        {
            ModelFile.Save(Live, path);
        }
        catch (UserErrorException e)
        {
            throw new CodedException(Code.File, e.Message);
        }
    }

    /// <summary>Frees it.</summary>
    public void Dispose()
    {
        if (!_handle.IsAllocated)
            return;
        _session.Disown(this);
        _tensors.Dispose();
        _handle.Free();
    }

    /// <summary>Refuses a path at which there is no file.</summary>
    /// <exception cref="CodedException">There is none.</exception>
    public static void RequireFile(string path)
    {
        if (!File.Exists(path))
            throw new CodedException(Code.File, $"The model '{path}' does not exist; check the path.");
    }

    /// <summary>Refuses to be used by a job after its end.</summary>
    public void RequireLive() => _ = Live;

    private Model Live => _handle.IsAllocated ? _model : throw new CodedException(Code.State, "The model of the job was destroyed.");

    private static double[] Of(double* numbers, int count) =>
        numbers is null ? [.. Sequences.Repeat(0.5, count)] : new ReadOnlySpan<double>(numbers, count).ToArray();

    private static Augmentation AugmentationOf(ModelSpec spec, string name) =>
        Augmentation.Parse(name) is var given && given == Augmentation.Auto ? spec.Suited(Augmentation.CropAndFlip) : given;

    private static T OfFile<T>(Func<T> body)
    {
        try
        {
            return body();
        }
        catch (UserErrorException e) when (e.InnerException is not (IOException or UnauthorizedAccessException))
        {
            throw new CodedException(Code.Format, e.Message);
        }
    }

    private void BindFlat(BoundTensor[] given)
    {
        (string Name, int Count)[] needed =
            _model.Buffers.Count == 0
                ? [("parameters", _model.Parameters.Count)]
                : [("parameters", _model.Parameters.Count), ("statistics", _model.Buffers.Count)];
        Require(given, needed.Select(v => (v.Name, (IReadOnlyList<long>)[v.Count])).ToValues());
        foreach (var vector in given.Where(v => v.Flat is null))
            throw new UserErrorException($"'{vector.Name}' is to be a vector of LUR_F32 on the device without gaps, to be bound flat.");
        if (given.FirstOrDefault(v => v.Flat % sizeof(float) != 0) is { } odd)
            throw new UserErrorException($"'{odd.Name}' does not begin at a multiple of {sizeof(float)} bytes.");
        if (given.Length == 2 && Overlap(given[0], given[1]))
            throw new UserErrorException("'parameters' and 'statistics' share memory; each is a vector of its own.");
        DevicePointer<Real> At(string name) => new(given.FirstOrDefault(v => v.Name == name)?.Flat ?? 0);
        var memory = new WeightMemory(At("parameters"), At("statistics"));
        var bound = _model.Over(memory);
        _tensors.Dispose();
        (_model, _tensors, Memory, _table) = (bound, new LurModel(bound), memory, null);
    }

    private static bool Overlap(BoundTensor a, BoundTensor b) =>
        a.Flat < b.Flat + ((ulong)b.Count * sizeof(float)) && b.Flat < a.Flat + ((ulong)a.Count * sizeof(float));

    private void BindTable(BoundTensor[] given)
    {
        Require(given, _tensors.Tensors.Select(t => (t.Name, t.Shape)).ToValues());
        var values = new float[given.Length][];
        for (var i = 0; i < given.Length; i++)
        {
            values[i] = given[i].Read(_session.Device);
            try
            {
                _tensors.Require(given[i].Name, values[i]);
            }
            catch (UserErrorException e)
            {
                throw new CodedException(Code.NotFinite, e.Message);
            }
        }

        for (var i = 0; i < given.Length; i++)
            _tensors.Write(given[i].Name, values[i]);
        _table = given;
    }

    // All that is wrong is one sentence.
    private static void Require(BoundTensor[] given, (string Name, IReadOnlyList<long> Shape)[] needed)
    {
        const int Shown = 8;
        var wrong = new List<string>();
        var found = given.GroupBy(t => t.Name).ToDictionary(g => g.Key, StringComparer.Ordinal);
        foreach (var (name, shape) in needed)
        {
            var same = found.GetValueOrDefault(name)?.ToArray();
            if (same is not [_])
                wrong.Add($"'{name}' is {(same is null ? "missing" : "given twice")}");
            else if (!same[0].Shape.SequenceEqual(shape))
                wrong.Add($"'{name}' is {Text(same[0].Shape)} and should be {Text(shape)}");
        }

        var known = needed.Select(t => t.Name).ToHashSet(StringComparer.Ordinal);
        wrong.AddRange(given.Where(t => !known.Contains(t.Name)).Select(t => $"'{t.Name}' is none of the model's"));
        if (wrong.Count > 0)
        {
            var more = wrong.Count > Shown ? $", and {wrong.Count - Shown} more" : "";
            throw new UserErrorException($"The tensors do not fit the model: {string.Join(", ", wrong.Take(Shown))}{more}.");
        }
    }

    private static string Text(IReadOnlyList<long> shape) => $"[{string.Join(", ", shape)}]";
}

using Lur.Device;
using Lur.Layers;
using Lur.Models;
using Lur.Tensors;

namespace Lur.Tasks.Diffusion;

/// <summary>A text encoder of CLIP with its weights as they are: from token ids to the rows that a UNet attends to, and from rows of its
/// table with the gradient back to them. Not thread-safe.</summary>
public sealed class TextEncoder : IDisposable
{
    // Prompts at a time: of 77 tokens and 768 channels a layer's activations are some 10 MB.
    private const int MostPrompts = 16;

    private readonly FlatVector _weights,
        _buffers;
    private Program? _program;
    private RunInput<int> _tokens = null!;
    private Value _output = null!;

    private TextEncoder(DiffusersPlaces places, ComputeDevice device, Precision precision)
    {
        Spec = ClipTextFile.SpecOf(places);
        var network = Spec.Build(1);
        _weights = new FlatVector(device, precision, network.Parameters, "text encoder parameters");
        _buffers = new FlatVector(device, precision, network.Buffers, "text encoder running statistics");
        try
        {
            ClipTextFile.Require(places, Spec);
            PartTensors.Read(places, _weights);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>What it is.</summary>
    public ClipTextSpec Spec { get; }

    /// <summary>Opens an encoder.</summary>
    /// <param name="folder">Folder with config.json and model.safetensors.</param>
    /// <param name="device">Device to compute on.</param>
    /// <param name="precision">Element type on the device; the files may have another.</param>
    /// <exception cref="UserErrorException">A file is missing, damaged, a pickle, or of a network that is not built here.</exception>
    public static TextEncoder Open(string folder, ComputeDevice device, Precision precision = Precision.Float32)
    {
        ArgumentNullException.ThrowIfNull(device);
        return new(DiffusersPlaces.Part(folder, "", ClipTextFile.Stem), device, precision);
    }

    /// <summary>Encodes prompts: the last hidden state, [N, T, C], all T rows of which Stable Diffusion attends to.</summary>
    /// <param name="ids">N prompts of T ids each, as a tokenizer gives them.</param>
    /// <exception cref="UserErrorException">The prompts are longer than the encoder takes, or an id is none of its vocabulary.</exception>
    public double[] Encode(IReadOnlyList<int[]> ids)
    {
        var length = LengthOf(ids);
        var batch = Math.Min(ids.Count, MostPrompts);
        if (_program is null || _tokens.Device.Shape[1] != length || _tokens.Device.Shape[0] < batch)
            Plan(batch, length);
        var (rows, each) = (_tokens.Device.Shape[0], length * Spec.Width);
        var result = new double[checked(ids.Count * each)];
        for (var first = 0; first < ids.Count; first += rows)
        {
            // Places beyond the last prompt keep what they had: no row of a prompt depends on another's.
            var n = Math.Min(rows, ids.Count - first);
            for (var i = 0; i < n; i++)
                ids[first + i].CopyTo(_tokens.Span[(i * length)..]);
            _program!.Run();
            HostCopy.Of(_program, _output, n * each).CopyTo(result, first * each);
        }

        return result;
    }

    /// <summary>Rows of the table of tokens, [N, T, C]: what stands before the positions are added.</summary>
    /// <inheritdoc cref="Encode"/>
    public double[] RowsOf(IReadOnlyList<int[]> ids)
    {
        var (length, c, table) = (LengthOf(ids), Spec.Width, _weights.Layout[ClipText.Table]);
        var rows = new double[checked(ids.Count * length * c)];
        for (var i = 0; i < ids.Count * length; i++)
        {
            var first = table.Offset + (ids[i / length][i % length] * c);
            if (_weights.Precision == Precision.Float64)
                _weights.Read(first, rows.AsSpan(i * c, c));
            else
                Narrow(first, rows.AsSpan(i * c, c));
        }

        return rows;
    }

    /// <summary>The encoder behind its table, for a fixed number of prompts, with the gradient of its rows.</summary>
    /// <param name="prompts">N, at least 1.</param>
    /// <param name="length">T, at most <see cref="ClipTextSpec.Positions"/>.</param>
    public TextGradient Gradient(int prompts, int length) => new(Spec, _weights, _buffers, prompts, length);

    /// <inheritdoc/>
    public void Dispose()
    {
        _program?.Dispose();
        _weights.Dispose();
        _buffers.Dispose();
    }

    private void Narrow(int first, Span<double> row)
    {
        var narrow = new float[row.Length];
        _weights.Read(first, narrow.AsSpan());
        for (var i = 0; i < row.Length; i++)
            row[i] = narrow[i];
    }

    private int LengthOf(IReadOnlyList<int[]> ids)
    {
        ArgumentNullException.ThrowIfNull(ids);
        if (ids.Count == 0 || ids[0].Length == 0 || ids.Any(p => p.Length != ids[0].Length))
            throw new ArgumentException("Prompts are encoded together when they have the same number of ids, at least 1.", nameof(ids));
        var length = ids[0].Length;
        if (length > Spec.Positions)
            throw new UserErrorException(
                $"A prompt has {length} tokens, and the text encoder takes {Spec.Positions}; give the tokenizer that belongs to it."
            );
        foreach (var prompt in ids)
            if (Array.Find(prompt, id => id < 0 || id >= Spec.Vocabulary) is not 0 and var other)
                throw new UserErrorException(
                    $"A prompt has the token {other}, and the text encoder has {Spec.Vocabulary}; give the tokenizer that belongs to it."
                );
        return length;
    }

    private void Plan(int batch, int length)
    {
        _program?.Dispose();
        _program = new Program(_weights.Device, _weights.Precision) { Captured = true };
        _tokens = _program.Input<int>("text/tokens", new Shape(batch, length));
        var pass = new NetworkPass(_program, "text", batch, _weights, _buffers, NormalizationMode.Frozen) { Inference = true };
        _output = Program.Keep(Spec.Build(length).Forward(pass, _tokens.Device));
    }
}

using Lur.Models;
using Lur.Tasks.Diffusion;
using Lur.Text;

namespace Lur.Verification.Concepts;

/// <summary>The tokens that a model's text encoder reads, their embeddings, and the way from these to the rows that the network is given
/// and back.</summary>
internal sealed class TokenSpace : IDisposable
{
    private readonly TextEncoder _encoder;
    private readonly TextGradient _text;
    private readonly double[] _table;

    /// <summary>Reads tokenizer and encoder.</summary>
    /// <param name="model">The model that they are for.</param>
    /// <param name="encoder">Folder of the encoder.</param>
    /// <param name="tokenizer">Folder of the tokenizer.</param>
    /// <exception cref="UserErrorException">A file is missing or damaged.</exception>
    public TokenSpace(Model model, string encoder, string tokenizer)
    {
        Length = ((UNetSpec)model.Spec).ContextLength;
        Tokenizer = ClipTokenizer.Open(tokenizer);
        _encoder = TextEncoder.Open(encoder, model.Device, model.Precision);
        try
        {
            _text = _encoder.Gradient(1, Length);
            var ids = Sequences.Range(0, _encoder.Spec.Vocabulary);
            _table = _encoder.RowsOf([.. ids.Select(id => new[] { id })]);
            // Begin, end and filling are where they are; what has no name is no token.
            Usable =
            [
                .. ids.Where(id =>
                    Tokenizer.NameOf(id) is not null && id != Tokenizer.BeginId && id != Tokenizer.EndId && id != Tokenizer.PadId
                ),
            ];
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Makes tokens of prompts.</summary>
    public ClipTokenizer Tokenizer { get; }

    /// <summary>Tokens of a prompt, begin, end and filling among them.</summary>
    public int Length { get; }

    /// <summary>Numbers of an embedding.</summary>
    public int Width => _encoder.Spec.Width;

    /// <summary>Tokens that a prompt may be made of.</summary>
    public int[] Usable { get; }

    /// <summary>The embedding of a token.</summary>
    public ReadOnlySpan<double> Embedding(int id) => _table.AsSpan(id * Width, Width);

    /// <summary>The ids of some tokens as a whole prompt: begin, these, end, filling.</summary>
    /// <param name="tokens">Tokens; those at the end for which there is no room are left out.</param>
    public int[] Prompt(IEnumerable<int> tokens)
    {
        var ids = new int[Length];
        Array.Fill(ids, Tokenizer.PadId);
        int[] kept = [.. tokens.Take(Length - 2)];
        ids[0] = Tokenizer.BeginId;
        kept.CopyTo(ids, 1);
        ids[kept.Length + 1] = Tokenizer.EndId;
        return ids;
    }

    /// <summary>Embeddings of ids, [T, C].</summary>
    public double[] RowsOf(IReadOnlyList<int> ids)
    {
        var rows = new double[ids.Count * Width];
        for (var i = 0; i < ids.Count; i++)
            Embedding(ids[i]).CopyTo(rows.AsSpan(i * Width));
        return rows;
    }

    /// <summary>What the network is given of embeddings, [T, C].</summary>
    public double[] Context(ReadOnlySpan<double> rows) => _text.Forward(rows);

    /// <summary>The gradient of embeddings, given that of <see cref="Context"/>.</summary>
    public double[] Gradient(ReadOnlySpan<double> rows, ReadOnlySpan<double> contextGradient) => _text.Backward(rows, contextGradient);

    /// <inheritdoc/>
    public void Dispose()
    {
        _text?.Dispose();
        _encoder.Dispose();
    }
}

using System.Text;

namespace Lur.Cli;

/// <summary>A stream of the console that may be closed or full.</summary>
/// <param name="inner">The console's writer.</param>
/// <param name="mustArrive">True for results: the command fails with a sentence. False for progress and failures, which have nobody
/// left to tell: what was computed is worth more than the line about it.</param>
internal sealed class ConsoleWriter(TextWriter inner, bool mustArrive) : TextWriter
{
    /// <inheritdoc/>
    public override Encoding Encoding => inner.Encoding;

    /// <inheritdoc/>
    public override void Write(char value) => Try(() => inner.Write(value));

    /// <inheritdoc/>
    public override void Write(string? value) => Try(() => inner.Write(value));

    /// <inheritdoc/>
    public override void Write(char[] buffer, int index, int count) => Try(() => inner.Write(buffer, index, count));

    /// <inheritdoc/>
    public override void WriteLine(string? value) => Try(() => inner.WriteLine(value));

    /// <inheritdoc/>
    public override void Flush() => Try(inner.Flush);

    private void Try(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            if (mustArrive)
            {
                throw new UserErrorException(
                    $"Standard output cannot be written ({e.Message.TrimEnd('.')}); send it elsewhere. Files that the command wrote are "
                        + "kept."
                );
            }
        }
    }
}

namespace Lur.Reports;

/// <summary>The native library that draws; it may not lie beside the program.</summary>
internal static class SkiaLibrary
{
    /// <summary>Does what needs it.</summary>
    /// <exception cref="UserErrorException">It is missing.</exception>
    public static T Use<T>(Func<T> body)
    {
        try
        {
            return body();
        }
        catch (Exception e) when (IsMissing(e))
        {
            throw new UserErrorException(
                "libSkiaSharp.so, which draws the charts, could not be loaded; it belongs beside the lur command: copy the "
                    + "whole folder that was published."
            );
        }
    }

    /// <summary>True for a library that is not there; SkiaSharp loads it in the initialisers of several types, one within
    /// another.</summary>
    public static bool IsMissing(Exception? e) =>
        e is DllNotFoundException || (e is TypeInitializationException && IsMissing(e.InnerException));
}

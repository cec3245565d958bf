namespace Lur;

internal static class Placeholder;

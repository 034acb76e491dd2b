"""Elementary functions that LLVM can vectorise, one for each function and precision.

Numba from PyPI calls the C library for `exp`, `log` and `tanh`, one element at a time. The
functions here are branch-free arithmetic instead: range reduction, a minimax polynomial, and the
exponent written straight into the bits of the result. Inlined into a plain loop, they run on whole
vectors (AVX2, AVX-512, NEON) at a fraction of a nanosecond an element.

Every function is copied by source into the generated files that need it, together with the
functions of this file that it calls. A copy relies on three names: `np`, `njit`, `f32`.

Two rules keep the functions correct. They may be compiled with `contract` (fused multiply-add),
never with `reassoc`: `(z + magic) - magic` rounds z to an integer only as long as nobody simplifies
it. And a comparison is written so that a NaN takes the side that hands it on.

The error bounds are the largest errors measured, rounded up, over ten million arguments of every
magnitude and sign (against float64 for float32, long double for float64), with fused multiply-add
and without.
"""

import numpy as np
from numba import njit

f32 = np.float32


@njit(fastmath={"contract"}, error_model="numpy")
def minus_f32(x: np.float32, y: np.float32) -> np.float32:
    """x − y, rounded before anything is added to it, in a loop that may reorder its sums.

    No sum is moved across the choice, which changes no value.
    """
    d = x - y
    return f32(np.inf) if d > f32(3.4028235e38) else d


@njit(fastmath={"contract"}, error_model="numpy")
def minus_f64(x: float, y: float) -> float:
    """x − y, rounded before anything is added to it, in a loop that may reorder its sums.

    No sum is moved across the choice, which changes no value.
    """
    d = x - y
    return np.inf if d > 1.7976931348623157e308 else d


@njit(fastmath={"contract"}, error_model="numpy")
def exp_f32(x: np.float32) -> np.float32:
    """e^x = 2^n · e^r with n = round(x / ln 2), |r| ≤ ½ ln 2. Error below 1.1 ulp."""
    x = f32(-104.0) if x < f32(-104.0) else x  # from here down, 0
    x = f32(89.0) if x > f32(89.0) else x  # from here up, inf
    shifted = x * f32(1.4426950408889634) + f32(12582912.0)  # + 1.5·2²³: the low bits are n
    n = shifted - f32(12582912.0)
    r = (x - n * f32(0.693145751953125)) - n * f32(1.4286068203094172e-06)
    q = f32(0.0013814471223198026)
    q = q * r + f32(0.008368780689672943)
    q = q * r + f32(0.041668394148731684)
    q = q * r + f32(0.16666520104806593)
    q = q * r + f32(0.49999993412685784)
    e = f32(1.0) + (r + r * r * q)
    k = np.float32(shifted).view(np.int32) - 0x4B400000
    half = k >> 1  # 2^n in two factors: n goes beyond the exponents of normal numbers
    e = e * np.int32((half + 127) << 23).view(np.float32)
    return e * np.int32((k - half + 127) << 23).view(np.float32)


@njit(fastmath={"contract"}, error_model="numpy")
def exp_f64(x: float) -> float:
    """e^x = 2^n · e^r with n = round(x / ln 2), |r| ≤ ½ ln 2. Error below 1.1 ulp."""
    x = -746.0 if x < -746.0 else x  # from here down, 0
    x = 710.0 if x > 710.0 else x  # from here up, inf
    shifted = x * 1.4426950408889634 + 6755399441055744.0  # + 1.5·2⁵²: the low bits are n
    n = shifted - 6755399441055744.0
    r = (x - n * 0.6931471803691238) - n * 1.9082149292705877e-10
    q = 2.4999960208336418e-08
    q = q * r + 2.7630378228186743e-07
    q = q * r + 2.7557587357531655e-06
    q = q * r + 2.4801492763973955e-05
    q = q * r + 0.00019841269504751636
    q = q * r + 0.0013888888943921454
    q = q * r + 0.008333333333495627
    q = q * r + 0.04166666666652919
    q = q * r + 0.1666666666666641
    q = q * r + 0.5000000000000011
    e = 1.0 + (r + r * r * q)
    k = np.float64(shifted).view(np.int64) - 0x4338000000000000
    half = k >> 1  # 2^n in two factors: n goes beyond the exponents of normal numbers
    e = e * np.int64((half + 1023) << 52).view(np.float64)
    return e * np.int64((k - half + 1023) << 52).view(np.float64)


@njit(fastmath={"contract"}, error_model="numpy")
def tanh_f32(x: np.float32) -> np.float32:
    """tanh x = m / (m + 2), m = e^2x − 1 = 2^n·(e^r − 1) + (2^n − 1). Error below 2.6 ulp."""
    a = f32(2.0) * abs(x)
    a = f32(20.0) if a > f32(20.0) else a  # from here up, 1
    shifted = a * f32(1.4426950408889634) + f32(12582912.0)  # + 1.5·2²³: the low bits are n
    n = shifted - f32(12582912.0)
    r = (a - n * f32(0.693145751953125)) - n * f32(1.4286068203094172e-06)
    q = f32(0.001388251357792487)
    q = q * r + f32(0.008366580395053754)
    q = q * r + f32(0.04166720171348938)
    q = q * r + f32(0.16666543177469065)
    q = q * r + f32(0.4999999814437146)
    scale = np.int32((np.float32(shifted).view(np.int32) << 23) + 0x3F800000).view(np.float32)
    m = scale * (r + r * r * q) + (scale - f32(1.0))
    return f32(np.copysign(m / (m + f32(2.0)), x))


@njit(fastmath={"contract"}, error_model="numpy")
def tanh_f64(x: float) -> float:
    """tanh x = m / (m + 2), m = e^2x − 1 = 2^n·(e^r − 1) + (2^n − 1). Error below 2.8 ulp."""
    a = 2.0 * abs(x)
    a = 40.0 if a > 40.0 else a  # from here up, 1
    shifted = a * 1.4426950408889634 + 6755399441055744.0  # + 1.5·2⁵²: the low bits are n
    n = shifted - 6755399441055744.0
    r = (a - n * 0.6931471803691238) - n * 1.9082149292705877e-10
    q = 2.5053763550737627e-08
    q = q * r + 2.7626162125558834e-07
    q = q * r + 2.7557407897437824e-06
    q = q * r + 2.480150497680977e-05
    q = q * r + 0.0001984126971831754
    q = q * r + 0.001388888893179708
    q = q * r + 0.008333333333389963
    q = q * r + 0.0416666666665761
    q = q * r + 0.16666666666666588
    q = q * r + 0.5000000000000006
    scale = np.int64((np.float64(shifted).view(np.int64) << 52) + 0x3FF0000000000000).view(
        np.float64
    )
    m = scale * (r + r * r * q) + (scale - 1.0)
    return float(np.copysign(m / (m + 2.0), x))


@njit(fastmath={"contract"}, error_model="numpy")
def log_f32(x: np.float32) -> np.float32:
    """log x = n·ln 2 + 2·artanh(s), s = f/(2 + f), x = 2^n·(1 + f). Error below 1.1 ulp."""
    subnormal = x < f32(1.1754943508222875e-38)
    bits = np.float32(x * f32(8388608.0) if subnormal else x).view(np.int32)  # times 2²³
    k = (bits - 0x3F3504F3) >> 23  # so that √½ ≤ 1 + f < √2
    f = np.int32(bits - (k << 23)).view(np.float32) - f32(1.0)
    n = f32(k - 23 if subnormal else k)
    s = f / (f32(2.0) + f)
    u = s * s
    q = f32(0.23582890963696077)
    q = q * u + f32(0.28537276710467474)
    q = q * u + f32(0.4000033556317677)
    q = q * u + f32(0.6666666564448299)
    y = n * f32(0.693145751953125) + (f - (s * (f - u * q) - n * f32(1.4286068203094172e-06)))
    y = y if x < f32(np.inf) else x
    y = y if x > f32(0.0) else f32(np.nan)
    return f32(-np.inf) if x == f32(0.0) else y


@njit(fastmath={"contract"}, error_model="numpy")
def log_f64(x: float) -> float:
    """log x = n·ln 2 + 2·artanh(s), s = f/(2 + f), x = 2^n·(1 + f). Error below 1.1 ulp."""
    subnormal = x < 2.2250738585072014e-308
    bits = np.float64(x * 4503599627370496.0 if subnormal else x).view(np.int64)  # times 2⁵²
    k = (bits - 0x3FE6A09E667F3BCD) >> 52  # so that √½ ≤ 1 + f < √2
    f = float(np.int64(bits - (k << 52)).view(np.float64)) - 1.0
    n = float(k - 52 if subnormal else k)
    s = f / (2.0 + f)
    u = s * s
    q = 0.13252322306329326
    q = q * u + 0.13250012548223378
    q = q * u + 0.153870952603974
    q = q * u + 0.1818177556715338
    q = q * u + 0.22222222647960022
    q = q * u + 0.28571428569078666
    q = q * u + 0.4000000000000627
    q = q * u + 0.6666666666666666
    y = n * 0.6931471803691238 + (f - (s * (f - u * q) - n * 1.9082149292705877e-10))
    y = y if x < np.inf else x
    y = y if x > 0.0 else np.nan
    return -np.inf if x == 0.0 else y


@njit(fastmath={"contract"}, error_model="numpy")
def log1p_f32(x: np.float32) -> np.float32:
    """log(1 + x) = log u + (x − (u − 1)) / u, u = 1 + x as rounded. Error below 1.6 ulp."""
    u = f32(1.0) + x
    y = log_f32(u)
    return y + (x - (u - f32(1.0))) / u if y - y == f32(0.0) else y


@njit(fastmath={"contract"}, error_model="numpy")
def log1p_f64(x: float) -> float:
    """log(1 + x) = log u + (x − (u − 1)) / u, u = 1 + x as rounded. Error below 1.6 ulp."""
    u = 1.0 + x
    y = log_f64(u)
    return y + (x - (u - 1.0)) / u if y - y == 0.0 else y


@njit(fastmath={"contract"}, error_model="numpy")
def sigmoid_f32(x: np.float32) -> np.float32:
    """σ(x) = 1 / (1 + e^−x); below −88.7, where e^−x overflows, 0. Error below 2.6 ulp."""
    return f32(1.0) / (f32(1.0) + exp_f32(-x))


@njit(fastmath={"contract"}, error_model="numpy")
def sigmoid_f64(x: float) -> float:
    """σ(x) = 1 / (1 + e^−x); below −709.7, where e^−x overflows, 0. Error below 2.6 ulp."""
    return 1.0 / (1.0 + exp_f64(-x))


@njit(fastmath={"contract"}, error_model="numpy")
def softplus_f32(x: np.float32) -> np.float32:
    """log(1 + e^x) = max(x, 0) + 2·artanh(t / (2 + t)), t = e^−|x|. Error below 3 ulp."""
    t = exp_f32(-abs(x))
    s = t / (f32(2.0) + t)
    u = s * s
    q = f32(0.24289553512603348)
    q = q * u + f32(0.21430741915612808)
    q = q * u + f32(0.286165966414275)
    q = q * u + f32(0.39998888357864393)
    q = q * u + f32(0.666666755003564)
    return (f32(0.0) if x < f32(0.0) else x) + (f32(2.0) * s + s * u * q)


@njit(fastmath={"contract"}, error_model="numpy")
def softplus_f64(x: float) -> float:
    """log(1 + e^x) = max(x, 0) + 2·artanh(t / (2 + t)), t = e^−|x|. Error below 3 ulp."""
    t = exp_f64(-abs(x))
    s = t / (2.0 + t)
    u = s * s
    q = 0.16459084554306194
    q = q * u + 0.06999447341699837
    q = q * u + 0.109712024132836
    q = q * u + 0.11716152672536442
    q = q * u + 0.13336787286791602
    q = q * u + 0.15384453020949368
    q = q * u + 0.18181823162038685
    q = q * u + 0.22222222126419772
    q = q * u + 0.2857142857249737
    q = q * u + 0.3999999999999406
    q = q * u + 0.6666666666666667
    return (0.0 if x < 0.0 else x) + (2.0 * s + s * u * q)


@njit(fastmath={"contract"}, error_model="numpy")
def elu_f32(x: np.float32) -> np.float32:
    """x, and e^x − 1 = 2^n·(e^r − 1) + (2^n − 1) where x ≤ 0. Error below 2 ulp."""
    a = f32(0.0) if x > f32(0.0) else x
    a = f32(-20.0) if a < f32(-20.0) else a  # from here down, -1
    shifted = a * f32(1.4426950408889634) + f32(12582912.0)  # + 1.5·2²³: the low bits are n
    n = shifted - f32(12582912.0)
    r = (a - n * f32(0.693145751953125)) - n * f32(1.4286068203094172e-06)
    q = f32(0.001388251357792487)
    q = q * r + f32(0.008366580395053754)
    q = q * r + f32(0.04166720171348938)
    q = q * r + f32(0.16666543177469065)
    q = q * r + f32(0.4999999814437146)
    scale = np.int32((np.float32(shifted).view(np.int32) << 23) + 0x3F800000).view(np.float32)
    m = scale * (r + r * r * q) + (scale - f32(1.0))
    return x if x > f32(0.0) else m


@njit(fastmath={"contract"}, error_model="numpy")
def elu_f64(x: float) -> float:
    """x, and e^x − 1 = 2^n·(e^r − 1) + (2^n − 1) where x ≤ 0. Error below 2 ulp."""
    a = 0.0 if x > 0.0 else x
    a = -40.0 if a < -40.0 else a  # from here down, -1
    shifted = a * 1.4426950408889634 + 6755399441055744.0  # + 1.5·2⁵²: the low bits are n
    n = shifted - 6755399441055744.0
    r = (a - n * 0.6931471803691238) - n * 1.9082149292705877e-10
    q = 2.5053763550737627e-08
    q = q * r + 2.7626162125558834e-07
    q = q * r + 2.7557407897437824e-06
    q = q * r + 2.480150497680977e-05
    q = q * r + 0.0001984126971831754
    q = q * r + 0.001388888893179708
    q = q * r + 0.008333333333389963
    q = q * r + 0.0416666666665761
    q = q * r + 0.16666666666666588
    q = q * r + 0.5000000000000006
    scale = np.int64((np.float64(shifted).view(np.int64) << 52) + 0x3FF0000000000000).view(
        np.float64
    )
    m = scale * (r + r * r * q) + (scale - 1.0)
    return x if x > 0.0 else m


@njit(fastmath={"contract"}, error_model="numpy")
def normal_pdf_f32(x: np.float32) -> np.float32:
    """φ(x) = e^(−x²/2)/√(2π). Error below 2 ulp, and x²/2 for the rounding of x²."""
    return f32(0.3989422804014327) * exp_f32(f32(-0.5) * x * x)


@njit(fastmath={"contract"}, error_model="numpy")
def normal_pdf_f64(x: float) -> float:
    """φ(x) = e^(−x²/2)/√(2π). Error below 2 ulp, and x²/2 for the rounding of x²."""
    return 0.3989422804014327 * exp_f64(-0.5 * x * x)


@njit(fastmath={"contract"}, error_model="numpy")
def normal_cdf_f32(x: np.float32) -> np.float32:
    """Φ(x), for x < 0 by e^(−x²/2)·P(t)/(1 + √(2/π)·|x|). Error below 3 ulp, and x²/2 if x < 0.

    t = (|x| − 4√2)/(|x| + 4√2): the form is that of Shepherd and Laframboise (Math. Comp. 36,
    1981), the coefficients are those of a Chebyshev interpolation.
    """
    a = abs(x)
    a = f32(14.8) if a > f32(14.8) else a  # from here up, 0
    t = (a - f32(5.656854249492381)) / (a + f32(5.656854249492381))
    q = f32(0.00015331157891631625)
    q = q * t + f32(0.001675074034134471)
    q = q * t - f32(0.0036586889944920107)
    q = q * t + f32(0.007499812750830402)
    q = q * t - f32(0.01195026235720377)
    q = q * t + f32(0.012716466573408315)
    q = q * t - f32(0.004748486952022278)
    q = q * t - f32(0.016584285210214194)
    q = q * t + f32(0.05199814998085858)
    q = q * t - f32(0.095838639524905)
    q = q * t + f32(0.37767440051200224)
    tail = exp_f32(f32(-0.5) * a * a) * q / (f32(1.0) + f32(0.7978845608028654) * a)
    return f32(1.0) - tail if x > f32(0.0) else tail


@njit(fastmath={"contract"}, error_model="numpy")
def normal_cdf_f64(x: float) -> float:
    """Φ(x), for x < 0 by e^(−x²/2)·P(t)/(1 + √(2/π)·|x|). Error below 3 ulp, and x²/2 if x < 0.

    As `normal_cdf_f32`.
    """
    a = abs(x)
    a = 39.5 if a > 39.5 else a  # from here up, 0
    t = (a - 5.656854249492381) / (a + 5.656854249492381)
    q = -4.0035110938779954e-10
    q = q * t - 3.4705992379958687e-09
    q = q * t - 2.8834571360611123e-09
    q = q * t + 2.9159553538585735e-08
    q = q * t + 2.3455576837819124e-08
    q = q * t - 2.1451527184085407e-07
    q = q * t + 2.2939621373195355e-08
    q = q * t + 1.52382619143742e-06
    q = q * t - 2.524753939377156e-06
    q = q * t - 7.2986836989127145e-06
    q = q * t + 3.75746546036083e-05
    q = q * t - 3.8998106194396126e-05
    q = q * t - 0.0002185059022752251
    q = q * t + 0.001245358567906427
    q = q * t - 0.003684543826495602
    q = q * t + 0.00768599982870929
    q = q * t - 0.011891223303888088
    q = q * t + 0.012690022863138126
    q = q * t - 0.004758950434463835
    q = q * t - 0.016582809409791115
    q = q * t + 0.05199867693527851
    q = q * t - 0.09583866699219519
    q = q * t + 0.37767439658753815
    tail = exp_f64(-0.5 * a * a) * q / (1.0 + 0.7978845608028654 * a)
    return 1.0 - tail if x > 0.0 else tail
